import type { RedCells } from "./redCells.js";

/** Mean diameter of a red cell on a dried smear, um. */
export const redCellUm = 7.5;

/** Searches the middle of a picture as if its red cells were `redCellPx` across, px of the picture. */
export type Look = (redCellPx: number) => Promise<RedCells>;

/** Red cells that make a measurement. */
export const enoughRedCells = 5;
/** Where there are no more, these must do. */
const fewestRedCells = 3;

/** Diameters tried, px of the picture: usual objectives and cameras first, steps of a factor 1.5. */
const assumedDiametersPx = [81, 54, 122, 36, 182, 24, 273, 16];
const leastCellsAcross = 1.5;

/** Red cells cover at least so much of a field that tells its scale, and confirm an assumed one within this. */
const tellingEvidence = 0.15;
const confirmedWithin = 0.15;

/** Natural logarithm of observed over assumed: 0 where a look confirms its assumption. */
export const disagreement = (observedPx: number, assumedPx: number): number =>
  Math.abs(Math.log(observedPx / assumedPx));

/** Whether red cells that a search has found are enough, and sure enough, to tell the field's scale. */
export const isTelling = ({ count, evidence }: Pick<RedCells, "count" | "evidence">): boolean =>
  count >= enoughRedCells && evidence >= tellingEvidence;

/** Whether red cells found at an assumed scale tell that it is the right one: at another they are few, unsure, or of another size. */
export const confirms = (cells: RedCells, assumedPx: number): boolean =>
  isTelling(cells) && disagreement(cells.diameterPx, assumedPx) < confirmedWithin;

/**
 * How well a look speaks for its own assumption, >= 0: much of the field covered by red cells that the network is sure of,
 * of the size that was assumed. At a wrong magnification the network still finds a few cells of about the size that it
 * expects, but is not sure of them: hence the cube in the evidence and the number of cells.
 */
const supportOf = (cells: RedCells, assumedPx: number): number => {
  if (cells.count === 0) return 0;
  const difference = disagreement(cells.diameterPx, assumedPx) / 0.3;
  const several = Math.min(1, cells.allCount / (2 * enoughRedCells));
  return cells.evidence * several * Math.exp((-difference * difference) / 2);
};

/**
 * The red cells of a picture of unknown scale: looks coarse to fine over all magnifications in use, stops early where one look is
 * beyond doubt, then looks again at what was measured until it stays within 3 %.
 * @returns the last look that showed enough; undefined where no look shows a red cell
 */
export const searchRedCells = async (
  look: Look,
  picture: { readonly width: number; readonly height: number },
): Promise<RedCells | undefined> => {
  const most = Math.max(picture.width, picture.height) / leastCellsAcross;
  let best: { cells: RedCells; support: number } | undefined;
  for (const assumed of assumedDiametersPx) {
    if (assumed > most && best) continue;
    const cells = await look(assumed);
    const support = supportOf(cells, assumed);
    if (support > (best?.support ?? 0)) best = { cells, support };
    if (isBeyondDoubt(cells, assumed)) break;
  }
  if (!best) return undefined;
  let found = best.cells;
  for (let i = 0; i < 4; i++) {
    const cells = await look(found.diameterPx);
    if (cells.count < fewestRedCells) break;
    const change = disagreement(cells.diameterPx, found.diameterPx);
    found = cells;
    if (change < 0.03) break;
  }
  return found;
};

const isBeyondDoubt = (cells: RedCells, assumed: number): boolean =>
  cells.count >= 2 * enoughRedCells && cells.evidence > 0.2 && disagreement(cells.diameterPx, assumed) < 0.15;
