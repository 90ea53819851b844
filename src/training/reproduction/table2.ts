import { join } from "node:path";
import { paintingTitles, paperTable2 } from "./paper.js";
import type { PictureFigures } from "./pictureScore.js";
import type { TextTable } from "./render.js";
import type { RunResult, Runs } from "./runs.js";
import { type Spread, spreadOf, spreadText } from "./spread.js";
import type { SheetRow } from "./strips.js";
import { type Painting, type PicturesUnit, type Plan, paintings } from "./units.js";

export interface Table2Row {
  readonly painting: Painting;
  readonly psnr: Spread | null;
  readonly ssim: Spread | null;
  readonly fid: Spread | null;
}

type Results = ReadonlyMap<string, RunResult>;

const unitsOf = (plan: Plan): readonly PicturesUnit[] =>
  plan.units.filter((unit): unit is PicturesUnit => unit.kind === "pictures");

const figuresOf = (results: Results, unit: PicturesUnit): PictureFigures | undefined =>
  results.get(unit.name)?.figures as PictureFigures | undefined;

export const table2Rows = (plan: Plan, results: Results): readonly Table2Row[] => {
  const units = unitsOf(plan);
  return paintings
    .filter((painting) => units.some((unit) => unit.painting === painting))
    .map((painting) => {
      const own = units.flatMap((unit) => (unit.painting === painting ? (figuresOf(results, unit) ?? []) : []));
      return {
        painting,
        psnr: spreadOf(own.map(({ psnr }) => psnr)),
        ssim: spreadOf(own.map(({ ssim }) => ssim)),
        fid: spreadOf(own.map(({ fid }) => fid)),
      };
    });
};

/** Pictures from held-out masks beside the real ones; the paper's figures to the right. */
export const table2Text = (plan: Plan, results: Results, remarks: readonly string[]): TextTable => {
  const some = unitsOf(plan).flatMap((unit) => figuresOf(results, unit) ?? [])[0];
  const heading = ["painting", "PSNR/dB", "SSIM", "FID", "runs", "paper: PSNR/dB", "SSIM", "FID"];
  const rows = table2Rows(plan, results).map(({ painting, psnr, ssim, fid }) => {
    const paper = paperTable2[painting];
    const theirs = paper ? [paper[0].toFixed(2), paper[1].toFixed(2), paper[2].toFixed(2)] : ["-", "-", "-"];
    const ours = [spreadText(psnr, 2), spreadText(ssim, 3), spreadText(fid, 2)];
    return [paintingTitles[painting], ...ours, String(psnr?.runs ?? 0), ...theirs];
  });
  const about = some
    ? [
        `${some.fields} held-out fields, each painted in its own stain; FID of ${some.patches} patches on ${some.features.dimensions} features of ${some.features.name}, which do not compare with the paper's.`,
      ]
    : [];
  return { title: "Table 2: painted pictures of held-out masks", heading, rows, notes: [...about, ...remarks] };
};

export const table2CsvHeading = ["painting", "seed", "psnr", "ssim", "fid", "fields", "patches", "seconds"] as const;

/** A row a run. */
export const table2Csv = (plan: Plan, results: Results): readonly (readonly (string | number)[])[] =>
  unitsOf(plan).flatMap((unit) => {
    const figures = figuresOf(results, unit);
    if (!figures) return [];
    const { psnr, ssim, fid, fields, patches } = figures;
    const trained = unit.painter === undefined ? 0 : (results.get(unit.painter)?.seconds ?? 0);
    return [[unit.painting, unit.seed, psnr, ssim, fid, fields, patches, Math.round(trained)]];
  });

/** Real fields, their masks, and what each painting made of them with its first seed. */
export const table2Sheet = (plan: Plan, runs: Runs, results: Results): readonly SheetRow[] => {
  const done = unitsOf(plan).filter(({ name }) => results.has(name));
  const first = paintings.flatMap((painting) => done.find((unit) => unit.painting === painting) ?? []);
  const [any] = first;
  if (!any) return [];
  const strip = (unit: PicturesUnit, name: string): string => join(runs.folder(unit.name), `${name}.png`);
  return [
    { title: "real", path: strip(any, "real") },
    { title: "mask", path: strip(any, "masks") },
    ...first.map((unit) => ({ title: paintingTitles[unit.painting], path: strip(unit, "samples") })),
  ];
};
