import { CytoError, modelsDirectory } from "../../../src/core/index.js";
import {
  type ListedModel,
  listModels,
  type PainterManifest,
  readManifest,
  resolveModel,
} from "../../../src/registry/index.js";
import type { VirtualCameraOptions } from "./manifest.js";
import { selfScanPath } from "./selfScan.js";
import { tilesOfField } from "./tileGrid.js";

/** A field of more tiles would take too long to be there. */
const mostTilesOfField = 32;

/** How the slide is to be painted: by a model, or drawn by rules. */
export type Painting =
  | {
      readonly kind: "painted";
      readonly directory: string;
      readonly painter: { readonly name: string; readonly version: string };
      readonly firstUm: Readonly<{ x: number; y: number }>;
      /** Tiles of a field of the scan. */
      readonly tiles: number;
    }
  | {
      readonly kind: "drawn";
      /** Why, where nobody asked for it. */
      readonly reason?: string;
    };

type ListedPainter = ListedModel & { readonly manifest: PainterManifest };

const isPainter = (model: ListedModel): model is ListedPainter => model.manifest?.kind === "painter";

const shippedPainters = async (modelsDir: string): Promise<ListedPainter[]> =>
  (await listModels(modelsDir).catch((): ListedModel[] => [])).filter(isPainter);

/** The MCGAN where there is one, else any painter whose tiles agree. */
const defaultPainter = (painters: readonly ListedPainter[]): ListedPainter | undefined => {
  const usable = painters.filter(({ isDefault, manifest }) => isDefault && manifest.painter.noisePlanes === 0);
  return usable.find(({ manifest }) => manifest.painter.method === "mcgan") ?? usable[0];
};

/** A painter by the name of its folder or of its method. */
const namedPainter = (painters: readonly ListedPainter[], spec: string): ListedPainter | undefined => {
  const [name, version] = spec.split("@");
  const fits = (model: ListedPainter): boolean => (version ? model.version === version : model.isDefault);
  return (
    painters.find((model) => model.name === name && fits(model)) ??
    painters.find((model) => model.manifest.painter.method === name && fits(model))
  );
};

const folderOf = async (modelsDir: string, spec: string): Promise<string> =>
  namedPainter(await shippedPainters(modelsDir), spec)?.directory ?? (await resolveModel(modelsDir, spec));

const firstCorner = (options: VirtualCameraOptions): { x: number; y: number } => {
  const { x, y } = selfScanPath(options).at(0);
  const { fieldWidthPx, fieldHeightPx, umPerPixel } = options;
  return { x: x - (fieldWidthPx * umPerPixel) / 2, y: y - (fieldHeightPx * umPerPixel) / 2 };
};

const paintedBy = (directory: string, manifest: PainterManifest, options: VirtualCameraOptions): Painting => {
  const { fieldWidthPx, fieldHeightPx, umPerPixel } = options;
  const firstUm = firstCorner(options);
  const tiles = tilesOfField({
    firstUm,
    fieldWidthUm: fieldWidthPx * umPerPixel,
    fieldHeightUm: fieldHeightPx * umPerPixel,
    paintedUmPerPixel: manifest.umPerPixel,
    multiple: manifest.painter.multiple,
  });
  const { name, version } = manifest;
  return { kind: "painted", directory, painter: { name, version }, firstUm, tiles };
};

const tooLarge = (tiles: number): string =>
  `a field of this size takes ${tiles} tiles of a painter, of which ${mostTilesOfField} are the most`;

const asked = async (spec: string, options: VirtualCameraOptions, modelsDir: string): Promise<Painting> => {
  const directory = await folderOf(modelsDir, spec);
  const manifest = await readManifest(directory);
  if (manifest.kind !== "painter")
    throw new CytoError("MODEL_INVALID", `${spec}: a ${manifest.kind}, no painter`, {
      context: { directory },
      remedy: "Name a painter model, or `drawn`.",
    });
  if (manifest.painter.noisePlanes > 0)
    throw new CytoError("MODEL_INVALID", `${spec}: a painter with noise, whose tiles would not meet`, {
      context: { directory },
      remedy: "Name a painter without noise (pix2pix, pix2pix-md, mcgan), or `drawn`.",
    });
  const painting = paintedBy(directory, manifest, options);
  if (painting.kind === "painted" && painting.tiles > mostTilesOfField)
    throw new CytoError("CAMERA_UNSUPPORTED", `The virtual slide cannot be painted: ${tooLarge(painting.tiles)}.`, {
      remedy: "Take a smaller field, or `camera.options.painting=drawn`.",
    });
  return painting;
};

/**
 * Who paints the slide. Reads manifests only; the model itself is opened by the thread that paints.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID for a painter that was asked for, CAMERA_UNSUPPORTED for a field too large for it
 */
export const choosePainting = async (
  options: VirtualCameraOptions,
  modelsDir: string = modelsDirectory(),
): Promise<Painting> => {
  if (options.painting === "drawn") return { kind: "drawn" };
  if (options.painting !== undefined) return asked(options.painting, options, modelsDir);
  const shipped = defaultPainter(await shippedPainters(modelsDir));
  if (!shipped) return { kind: "drawn", reason: `there is no painter model in ${modelsDir}` };
  const painting = paintedBy(shipped.directory, shipped.manifest, options);
  if (painting.kind === "painted" && painting.tiles > mostTilesOfField)
    return { kind: "drawn", reason: tooLarge(painting.tiles) };
  return painting;
};
