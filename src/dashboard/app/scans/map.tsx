import { useEffect, useRef, useState } from "preact/hooks";
import type { CellClass } from "../../../core/index.js";
import type { ScanField, ScanRecord, SlideMap } from "../../../scan/index.js";
import { useLoaded } from "../api.js";
import { type MapView, panned, toCanvas, toSlide, visibleTiles, wholeView, zoomed } from "./mapView.js";

export const overlays = ["off", "focus", "leukocytes", "erythrocytes", "platelets"] as const;
export type Overlay = (typeof overlays)[number];
const overlayTexts: Readonly<Record<Overlay, string>> = {
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

/** Tiles by their addresses, the ones seen last kept. */
class TilePictures {
  readonly #pictures = new Map<string, HTMLImageElement>();
  constructor(readonly onLoad: () => void) {}

  get(url: string): HTMLImageElement | undefined {
    let picture = this.#pictures.get(url);
    if (picture === undefined) {
      picture = new Image();
      picture.onload = this.onLoad;
      picture.src = url;
    }
    this.#pictures.delete(url);
    this.#pictures.set(url, picture);
    if (this.#pictures.size > 400) this.#pictures.delete(this.#pictures.keys().next().value as string);
    return picture.complete && picture.naturalWidth > 0 ? picture : undefined;
  }
}

interface Scene {
  readonly scan: ScanRecord;
  readonly map: SlideMap;
  readonly fields: readonly ScanField[];
  readonly overlay: Overlay;
  readonly view: MapView;
}

const fieldSize = ({ setup }: ScanRecord) => ({
  width: setup.fieldWidthPx * setup.umPerPixel,
  height: setup.fieldHeightPx * setup.umPerPixel,
});

const draw = (canvas: HTMLCanvasElement, { scan, map, fields, overlay, view }: Scene, tiles: TilePictures): void => {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const style = getComputedStyle(canvas);
  context.fillStyle = style.getPropertyValue("--sunken");
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const { level, column, row, left, top, side } of visibleTiles(map, view, canvas)) {
    const url = `v1/scans/${encodeURIComponent(scan.id)}/map/${map.version}/${level}/${column}/${row}`;
    const picture = tiles.get(url);
    if (picture)
      context.drawImage(picture, left, top, side * (picture.naturalWidth / 256), side * (picture.naturalHeight / 256));
  }
  const size = fieldSize(scan);
  const most = Math.max(...fields.map((field) => shownOf(field, overlay)), 1e-9);
  for (const field of fields) {
    const corner = toCanvas(view, canvas, {
      x: field.centreUm.x - size.width / 2,
      y: field.centreUm.y - size.height / 2,
    });
    const [width, height] = [size.width * view.pxPerUm, size.height * view.pxPerUm];
    if (overlay !== "off") {
      context.globalAlpha = 0.15 + 0.55 * (shownOf(field, overlay) / most);
      context.fillStyle = style.getPropertyValue("--accent");
      context.fillRect(corner.x, corner.y, width, height);
      context.globalAlpha = 1;
    }
    context.strokeStyle = style.getPropertyValue("--map-edge");
    context.strokeRect(corner.x, corner.y, width, height);
  }
};

/** The field whose middle is nearest to a place, where it shows that place. */
const fieldAt = (
  scan: ScanRecord,
  fields: readonly ScanField[],
  place: { x: number; y: number },
): ScanField | undefined => {
  const { width, height } = fieldSize(scan);
  const far = ({ centreUm }: ScanField): number =>
    Math.max(Math.abs(centreUm.x - place.x) / width, Math.abs(centreUm.y - place.y) / height);
  const nearest = fields.reduce<ScanField | undefined>(
    (best, field) => (best === undefined || far(field) < far(best) ? field : best),
    undefined,
  );
  return nearest !== undefined && far(nearest) <= 0.5 ? nearest : undefined;
};

const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [60, 0],
  ArrowRight: [-60, 0],
  ArrowUp: [0, 60],
  ArrowDown: [0, -60],
};

export interface SlideMapProps {
  readonly scan: ScanRecord;
  readonly onField: (field: number) => void;
}

/** The slide as scanned so far: drag to pan, wheel or + and - to zoom, click or Enter for the field in the middle. */
export const ScannedSlide = ({ scan, onField }: SlideMapProps) => {
  const path = `v1/scans/${encodeURIComponent(scan.id)}`;
  const { value: map } = useLoaded<SlideMap>(`${path}/map`, scan.fieldsDone);
  const { value: fields = [] } = useLoaded<ScanField[]>(`${path}/fields`, scan.fieldsDone);
  const [overlay, setOverlay] = useState<Overlay>("off");
  const [view, setView] = useState<MapView>();
  const [loads, setLoads] = useState(0);
  const canvas = useRef<HTMLCanvasElement>(null);
  const tiles = useRef(new TilePictures(() => setLoads((count) => count + 1)));
  const grabbed = useRef<{ x: number; y: number; moved: boolean } | undefined>(undefined);
  const shown = map && canvas.current ? (view ?? wholeView(map, canvas.current)) : view;
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const resize = (): void => {
      element.width = element.clientWidth * devicePixelRatio;
      element.height = element.clientHeight * devicePixelRatio;
      setLoads((count) => count + 1);
    };
    resize();
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current && map) {
      const now = view ?? wholeView(map, canvas.current);
      draw(canvas.current, { scan, map, fields, overlay, view: now }, tiles.current);
    }
  }, [scan.id, map, fields, overlay, view, loads]);
  const pointOf = (event: MouseEvent): { x: number; y: number } => ({
    x: event.offsetX * devicePixelRatio,
    y: event.offsetY * devicePixelRatio,
  });
  const open = (point: { x: number; y: number }): void => {
    if (!canvas.current || !shown) return;
    const field = fieldAt(scan, fields, toSlide(shown, canvas.current, point));
    if (field) onField(field.index);
  };
  const zoom = (factor: number, at?: { x: number; y: number }): void => {
    const element = canvas.current;
    if (element && shown)
      setView(zoomed(shown, factor, at ?? { x: element.width / 2, y: element.height / 2 }, element));
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = steps[event.key];
    if (step && shown) setView(panned(shown, ...step));
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") setView(undefined);
    else if (event.key === "Enter" && canvas.current)
      open({ x: canvas.current.width / 2, y: canvas.current.height / 2 });
    else return;
    event.preventDefault();
  };
  return (
    <section class="card slide-card" aria-labelledby="slide-title">
      <div class="card-head">
        <h2 id="slide-title">Slide</h2>
        <div class="buttons head-note">
          <label>
            Colour by{" "}
            <select value={overlay} onChange={(event) => setOverlay(event.currentTarget.value as Overlay)}>
              {overlays.map((name) => (
                <option key={name} value={name}>
                  {overlayTexts[name]}
                </option>
              ))}
            </select>
          </label>
          <button type="button" class="tool" onClick={() => zoom(1.5)} aria-label="Zoom in">
            +
          </button>
          <button type="button" class="tool" onClick={() => zoom(1 / 1.5)} aria-label="Zoom out">
            −
          </button>
          <button type="button" class="tool" onClick={() => setView(undefined)}>
            Whole slide
          </button>
        </div>
      </div>
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a map that keys pan and zoom is an application */}
      <canvas
        ref={canvas}
        class="slide-canvas"
        tabIndex={0}
        role="application"
        aria-label={`Map of ${fields.length} fields. Arrow keys pan, plus and minus zoom, 0 shows all, Enter opens the field in the middle.`}
        onKeyDown={onKey}
        onWheel={(event) => {
          event.preventDefault();
          zoom(Math.exp(-event.deltaY / 400), pointOf(event));
        }}
        onPointerDown={(event) => {
          grabbed.current = { ...pointOf(event), moved: false };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const before = grabbed.current;
          if (!before || !shown) return;
          const now = pointOf(event);
          if (!before.moved && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
          grabbed.current = { ...now, moved: true };
          setView(panned(shown, now.x - before.x, now.y - before.y));
        }}
        onPointerUp={(event) => {
          const was = grabbed.current;
          grabbed.current = undefined;
          if (was && !was.moved) open(pointOf(event));
        }}
      />
    </section>
  );
};
