import type { FieldPlacement, FrameFacts, PublishedCell } from "./input.js";
import { maxCellsPerMessage } from "./protocol/limits.js";
import type { CellMessage, FieldMessage } from "./protocol/results.js";

const tenth = (value: number): number => Math.round(value * 10) / 10;

/** The field as clients see it. The source's credentials, as in `rtsp://user:password@host`, are taken out. */
export const fieldMessage = (frame: FrameFacts, placement: FieldPlacement = {}): FieldMessage => {
  const position = placement.positionUm ?? frame.stagePositionUm;
  return {
    frame: frame.sequence,
    capturedAtMs: frame.capturedAtMs,
    width: frame.width,
    height: frame.height,
    camera: frame.camera,
    source: withoutCredentials(frame.source),
    umPerPixel: placement.umPerPixel ?? frame.umPerPixel ?? null,
    positionUm: position === undefined ? null : { x: tenth(position.x), y: tenth(position.y) },
  };
};

/** A source without the credentials that an address may carry, cut to the length that the protocol allows. */
export const withoutCredentials = (source: string): string =>
  source.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, "$1").slice(0, 1000);

const cellMessage = (cell: PublishedCell): CellMessage => {
  const { box, centre, positionUm } = cell;
  return {
    class: cell.cellClass,
    centre: [tenth(centre.x), tenth(centre.y)],
    box: [tenth(box.left), tenth(box.top), tenth(box.right), tenth(box.bottom)],
    confidence: Math.min(1, Math.max(0, Math.round(cell.confidence * 1000) / 1000)),
    ...(positionUm === undefined ? {} : { positionUm: [tenth(positionUm.x), tenth(positionUm.y)] }),
  };
};

/** The cells as clients see them, the surest where there are too many for a message, and how many there were. */
export const cellsMessage = (cells: readonly PublishedCell[]): { total: number; cells: CellMessage[] } => {
  const listed =
    cells.length <= maxCellsPerMessage
      ? cells
      : [...cells].sort((a, b) => b.confidence - a.confidence).slice(0, maxCellsPerMessage);
  return { total: cells.length, cells: listed.map(cellMessage) };
};
