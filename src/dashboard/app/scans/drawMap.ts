import type { CellClass } from "../../../core/index.js";
import { mapTilePx, type ScanField, type ScanRecord, type SlideMap } from "../../../scan/desk.js";
import { levelFor, type MapView, type Point, toCanvas, visibleTiles } from "./mapView.js";
import type { Tiles } from "./tiles.js";

export const overlays = ["off", "focus", "leukocytes", "erythrocytes", "platelets"] as const;
export type Overlay = (typeof overlays)[number];
export const overlayTexts: Readonly<Record<Overlay, string>> = {
  off: "Pictures only",
  focus: "Focus",
  leukocytes: "Leukocytes per field",
  erythrocytes: "Red cells per field",
  platelets: "Platelets per field",
};

const leukocytesOf = ({ cells }: ScanField): number =>
  Object.entries(cells).reduce(
    (sum, [name, count]) => (name === "erythrocyte" || name === "platelet" ? sum : sum + (count ?? 0)),
    0,
  );

const shownOf = (field: ScanField, overlay: Overlay): number => {
  if (overlay === "focus") return field.sharpness;
  if (overlay === "leukocytes") return leukocytesOf(field);
  const cellClass: CellClass = overlay === "erythrocytes" ? "erythrocyte" : "platelet";
  return field.cells[cellClass] ?? 0;
};

export const fieldSizeUm = ({ setup }: ScanRecord) => ({
  width: setup.fieldWidthPx * setup.umPerPixel,
  height: setup.fieldHeightPx * setup.umPerPixel,
});

/** The field whose middle is nearest to a place, where it shows that place. */
export const fieldAt = (scan: ScanRecord, fields: readonly ScanField[], place: Point): ScanField | undefined => {
  const { width, height } = fieldSizeUm(scan);
  const far = ({ centreUm }: ScanField): number =>
    Math.max(Math.abs(centreUm.x - place.x) / width, Math.abs(centreUm.y - place.y) / height);
  let nearest: ScanField | undefined;
  for (const field of fields) if (nearest === undefined || far(field) < far(nearest)) nearest = field;
  return nearest !== undefined && far(nearest) <= 0.5 ? nearest : undefined;
};

export interface Scene {
  readonly scan: ScanRecord;
  readonly map: SlideMap;
  readonly fields: readonly ScanField[];
  readonly overlay: Overlay;
  readonly view: MapView;
  /** The field that is looked at. */
  readonly open: number | undefined;
}

/** Narrower fields have no border of their own: it would hide what they show. */
const leastBorderedPx = 40;

const drawTiles = (context: CanvasRenderingContext2D, { map, fields, view }: Scene, tiles: Tiles): void => {
  const { canvas } = context;
  const corner = toCanvas(view, canvas, { x: map.boundsUm.left, y: map.boundsUm.top });
  const end = toCanvas(view, canvas, { x: map.boundsUm.right, y: map.boundsUm.bottom });
  context.save();
  context.beginPath();
  context.rect(corner.x, corner.y, end.x - corner.x, end.y - corner.y);
  context.clip();
  tiles.begin(map, fields);
  // The coarsest lies under the others, so that there is something to see while those come.
  for (const level of new Set([map.levels - 1, levelFor(map, view)]))
    for (const tile of visibleTiles(map, level, view, canvas)) {
      const picture = tiles.picture(tile);
      const { left, top, side } = tile;
      if (picture !== undefined)
        context.drawImage(picture, left, top, (side * picture.width) / mapTilePx, (side * picture.height) / mapTilePx);
    }
  tiles.end();
  context.restore();
};

/** The map over the whole canvas: pictures, the fields in the colour of a figure, their borders. */
export const drawMap = (canvas: HTMLCanvasElement, scene: Scene, tiles: Tiles): void => {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { scan, fields, overlay, view, open } = scene;
  const style = getComputedStyle(canvas);
  context.fillStyle = style.getPropertyValue("--sunken");
  context.fillRect(0, 0, canvas.width, canvas.height);
  drawTiles(context, scene, tiles);
  const size = fieldSizeUm(scan);
  const [width, height] = [size.width * view.pxPerUm, size.height * view.pxPerUm];
  const most = fields.reduce((largest, field) => Math.max(largest, shownOf(field, overlay)), 1e-9);
  const cornerOf = ({ centreUm: { x, y } }: ScanField): Point =>
    toCanvas(view, canvas, { x: x - size.width / 2, y: y - size.height / 2 });
  context.fillStyle = style.getPropertyValue("--accent");
  context.strokeStyle = style.getPropertyValue("--map-edge");
  context.lineWidth = devicePixelRatio;
  for (const field of fields) {
    const { x, y } = cornerOf(field);
    if (x > canvas.width || y > canvas.height || x + width < 0 || y + height < 0) continue;
    if (overlay !== "off") {
      context.globalAlpha = 0.15 + 0.55 * (shownOf(field, overlay) / most);
      context.fillRect(x, y, width, height);
      context.globalAlpha = 1;
    }
    if (width >= leastBorderedPx * devicePixelRatio) context.strokeRect(x, y, width, height);
  }
  const looked = open === undefined ? undefined : fields[open];
  if (looked === undefined) return;
  const { x, y } = cornerOf(looked);
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = 3 * devicePixelRatio;
  context.strokeRect(x, y, width, height);
};
