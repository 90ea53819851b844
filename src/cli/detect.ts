import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { listPictures } from "../../drivers/cameras/folder/listPictures.js";
import { CytoError, type Frame, modelsDirectory, taxonomy } from "../core/index.js";
import {
  createDetector,
  type Detection,
  type Detector,
  type DetectorModels,
  executionProviders,
  type ProviderChoice,
} from "../detection/index.js";
import { decodePicture, type Picture } from "../pictures/index.js";
import { loadClassifierModel, loadDetectorModel, resolveModel } from "../registry/index.js";
import { countByClass, drawDensity, drawOverlay } from "./drawDetection.js";

interface DetectCommandOptions {
  readonly out: string;
  readonly json?: boolean;
  readonly overlay?: boolean;
  readonly density?: boolean;
  readonly umPerPixel?: number;
  readonly recursive?: boolean;
  readonly model: string;
  /** False by --no-classifier; undefined where neither form is given. */
  readonly classifier?: string | boolean;
  readonly provider: ProviderChoice;
  readonly precision: string;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("a number over 0 is due");
  return value;
};

const openModels = async (options: DetectCommandOptions): Promise<DetectorModels> => {
  const { precision, classifier } = options;
  const detector = await loadDetectorModel(await resolveModel(modelsDirectory(), options.model), { precision });
  if (classifier === false) return { detector };
  const name = typeof classifier === "string" ? classifier : "cells";
  return { detector, classifier: await loadClassifierModel(await resolveModel(modelsDirectory(), name)) };
};

/** A picture to search, or why a path gives none. */
type Found = { readonly path: string; readonly error?: CytoError };

const findPictures = async (paths: readonly string[], recursive: boolean): Promise<Found[]> => {
  const found = new Map<string, Found>();
  for (const path of paths) {
    try {
      for (const picture of await listPictures(path, { recursive })) found.set(picture, { path: picture });
    } catch (error) {
      const known = CytoError.from(error, "IMAGE_UNREADABLE");
      found.set(path, {
        path,
        error: new CytoError("IMAGE_UNREADABLE", `${path}: no picture there`, { cause: known }),
      });
    }
  }
  return [...found.values()];
};

/** Names for the files about a picture: its own without the ending, numbered where two pictures share it. */
const fileNames = (): ((path: string) => string) => {
  const taken = new Set<string>();
  return (path) => {
    const stem = basename(path).replace(/\.[^.]+$/, "") || "picture";
    let name = stem;
    for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${stem}-${i}`;
    taken.add(name.toLowerCase());
    return name;
  };
};

const frameOf = (picture: Picture, path: string, sequence: number): Frame => ({
  sequence,
  capturedAtMs: Date.now(),
  width: picture.width,
  height: picture.height,
  pixels: picture.pixels,
  camera: "file",
  source: path,
  simulated: false,
});

/** The object that --json prints for a picture. */
const jsonOf = (path: string, picture: { width: number; height: number }, detection: Detection) => ({
  picture: path,
  width: picture.width,
  height: picture.height,
  scale: detection.scale,
  models: detection.models,
  provider: detection.provider,
  timings: detection.timings,
  counts: countByClass(detection.cells),
  cells: detection.cells,
});

const lineOf = (path: string, { cells, scale, timings }: Detection): string => {
  const counts = Object.entries(countByClass(cells)).map(
    ([name, count]) => `${taxonomy[name as keyof typeof taxonomy].abbreviation} ${count}`,
  );
  const totalMs = Object.values(timings).reduce((sum, ms) => sum + ms, 0);
  const found = counts.length > 0 ? counts.join("  ") : "no cells";
  return `${path}: ${found}  (${scale.umPerPixel.toFixed(4)} um/px, ${scale.origin}; ${totalMs.toFixed(0)} ms)`;
};

const write = async (path: string, data: Uint8Array | string): Promise<void> => {
  await writeFile(path, data).catch((error: unknown) => {
    throw new CytoError("OUTPUT_FAILED", `${path} cannot be written`, { cause: error });
  });
};

interface Work {
  readonly detector: Detector;
  readonly options: DetectCommandOptions;
  readonly nameOf: (path: string) => string;
}

const searchPicture = async (work: Work, picture: Picture, at: { path: string; index: number }): Promise<void> => {
  const { detector, options } = work;
  const { width, height } = picture;
  const { pixels, density, ...detection } = await detector.detect(frameOf(picture, at.path, at.index), {
    density: options.density ?? false,
    returnPixels: options.overlay ?? false,
  });
  const target = join(options.out, work.nameOf(at.path));
  if (pixels) await write(`${target}.overlay.png`, await drawOverlay({ width, height, pixels }, detection.cells));
  if (density) await write(`${target}.density.png`, await drawDensity(density, { width, height }));
  const line = options.json ? JSON.stringify(jsonOf(at.path, picture, detection)) : lineOf(at.path, detection);
  process.stdout.write(`${line}\n`);
};

const reportFailure = (path: string, error: CytoError, json: boolean): void => {
  if (json)
    process.stdout.write(`${JSON.stringify({ picture: path, error: { code: error.code, message: error.message } })}\n`);
  else process.stderr.write(`${path}: ${error.code}: ${error.message}\n  ${error.remedy}\n`);
};

/** Errors that would meet every picture end the command instead of being counted. */
const isFatal = ({ code }: CytoError): boolean => code === "OUTPUT_FAILED" || code === "DETECTOR_CLOSED";

/** Searches all pictures, the next one being decoded meanwhile. @returns how many could not be searched */
const searchAll = async (work: Work, pictures: readonly Found[]): Promise<number> => {
  const decode = (found: Found | undefined): Promise<Picture | CytoError> | undefined =>
    found &&
    (found.error
      ? Promise.resolve(found.error)
      : decodePicture(found.path).catch((error: unknown) => CytoError.from(error, "IMAGE_UNREADABLE")));
  let failures = 0;
  let next = decode(pictures[0]);
  for (const [index, { path }] of pictures.entries()) {
    const decoded = await next;
    next = decode(pictures[index + 1]);
    try {
      if (decoded instanceof CytoError) throw decoded;
      if (decoded) await searchPicture(work, decoded, { path, index });
    } catch (error) {
      const known = CytoError.from(error, "DETECTION_FAILED");
      if (isFatal(known)) throw known;
      failures++;
      reportFailure(path, known, work.options.json ?? false);
    }
  }
  return failures;
};

const run = async (paths: readonly string[], options: DetectCommandOptions): Promise<void> => {
  const pictures = await findPictures(paths, options.recursive ?? false);
  if (options.overlay || options.density) {
    await mkdir(options.out, { recursive: true }).catch((error: unknown) => {
      throw new CytoError("OUTPUT_FAILED", `${options.out} cannot be made`, { cause: error });
    });
  }
  const detector = await createDetector({
    models: await openModels(options),
    provider: options.provider,
    ...(options.umPerPixel === undefined ? {} : { umPerPixel: options.umPerPixel }),
  });
  try {
    const failures = await searchAll({ detector, options, nameOf: fileNames() }, pictures);
    if (failures === 0) return;
    process.stderr.write(`${failures} of ${pictures.length} pictures could not be searched\n`);
    process.exitCode = 65;
  } finally {
    await detector[Symbol.asyncDispose]();
  }
};

const help = `
PATH is a picture (JPEG, PNG, TIFF, BMP), a folder of pictures, or a glob. Without --um-per-pixel the
scale is estimated from the red cells (7.5 um). A picture that cannot be read or searched is reported
and counted, the others go on, and the exit code is 65.

With --json each picture is one line: picture, width, height, scale, models, provider, timings, counts
per class, cells (cellClass, densityClass, centre, box, confidence, mass, and for leukocytes the
probabilities of their classes); or picture and error.

Examples:
  cytostream detect smear.jpg
  cytostream detect smears/ --overlay --density --out found/
  cytostream detect 'smears/**/*.png' --um-per-pixel 0.1 --json > cells.jsonl`;

export const register = (program: Command): void => {
  program
    .command("detect")
    .summary("find, count and mark the cells of pictures")
    .description("Finds the cells of pictures and counts them per class.")
    .argument("<path...>", "pictures, folders of pictures, globs")
    .option("--out <dir>", "folder for what --overlay and --density draw", ".")
    .option("--json", "one JSON object per picture and line")
    .option("--overlay", "draw NAME.overlay.png: the picture with every cell marked and a legend")
    .option("--density", "draw NAME.density.png: the density map in the classes' colours")
    .option("--um-per-pixel <n>", "size of a pixel on the slide, micrometres", positive)
    .option("--recursive", "look into folders within folders")
    .option("--model <model>", "detector: a name, name@version, or a model folder", "unet")
    .option("--classifier <model>", "classifier of leukocytes, named likewise (default: cells)")
    .option("--no-classifier", "do not name leukocytes")
    .addOption(new Option("--precision <kind>", "arithmetic of the detector").choices(["fp32", "int8"]).default("fp32"))
    .addOption(
      new Option("--provider <name>", "execution provider").choices(["auto", ...executionProviders]).default("auto"),
    )
    .addHelpText("after", help)
    .action(run);
};
