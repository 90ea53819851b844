import { useEffect, useRef, useState } from "preact/hooks";
import type { ScanField, ScanRecord, SlideMap } from "../../../scan/index.js";
import { useLoaded } from "../api.js";
import { StaleTag } from "../counts.js";
import { drawMap, fieldAt, type Overlay, overlays, overlayTexts } from "./drawMap.js";
import { LoadFailure } from "./failure.js";
import { dragged, type MapView, type Point, panned, toSlide, wholeView, zoomed } from "./mapView.js";
import { Tiles } from "./tiles.js";
import { useFields } from "./useFields.js";
import { usePointers } from "./usePointers.js";

const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [60, 0],
  ArrowRight: [-60, 0],
  ArrowUp: [0, 60],
  ArrowDown: [0, -60],
};

/** Tells when a canvas has another size, in device px. */
const useCanvasSize = (onSize: () => void) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const resize = (): void => {
      element.width = element.clientWidth * devicePixelRatio;
      element.height = element.clientHeight * devicePixelRatio;
      onSize();
    };
    resize();
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return canvas;
};

interface Looking {
  /** Undefined: the whole slide. */
  readonly view: MapView | undefined;
  readonly change: (to: (view: MapView, size: HTMLCanvasElement) => MapView) => void;
  readonly zoom: (factor: number, at?: Point) => void;
  readonly whole: () => void;
}

/** Where the canvas looks. */
const useLooking = (map: SlideMap | undefined, canvas: { readonly current: HTMLCanvasElement | null }): Looking => {
  const [view, setView] = useState<MapView>();
  const change: Looking["change"] = (to) =>
    // From the view before, not from the one that is shown: several moves can come between two drawings.
    setView((before) => {
      const element = canvas.current;
      return element === null || map === undefined ? before : to(before ?? wholeView(map, element), element);
    });
  return {
    ...{ view, change },
    zoom: (factor, at) =>
      change((before, size) => zoomed(before, factor, at ?? { x: size.width / 2, y: size.height / 2 }, size)),
    whole: () => setView(undefined),
  };
};

interface ControlsProps {
  readonly overlay: Overlay;
  readonly onOverlay: (overlay: Overlay) => void;
  readonly looking: Looking;
}

const Controls = ({ overlay, onOverlay, looking }: ControlsProps) => (
  <div class="buttons head-note">
    <label>
      Colour by{" "}
      <select value={overlay} onChange={(event) => onOverlay(event.currentTarget.value as Overlay)}>
        {overlays.map((name) => (
          <option key={name} value={name}>
            {overlayTexts[name]}
          </option>
        ))}
      </select>
    </label>
    <span class="buttons">
      <button type="button" class="tool" onClick={() => looking.zoom(1.5)} aria-label="Zoom in">
        +
      </button>
      <button type="button" class="tool" onClick={() => looking.zoom(1 / 1.5)} aria-label="Zoom out">
        −
      </button>
      <button type="button" class="tool" onClick={looking.whole}>
        Whole slide
      </button>
    </span>
  </div>
);

interface CanvasProps {
  readonly scan: ScanRecord;
  readonly map: SlideMap | undefined;
  readonly fields: readonly ScanField[];
  readonly overlay: Overlay;
  readonly open: number | undefined;
  readonly looking: Looking;
  readonly canvas: { readonly current: HTMLCanvasElement | null };
  readonly onField: (field: number) => void;
}

const MapCanvas = ({ scan, map, fields, looking, canvas, onField }: CanvasProps) => {
  const open = (at: Point): void => {
    const element = canvas.current;
    if (element === null || map === undefined) return;
    const field = fieldAt(scan, fields, toSlide(looking.view ?? wholeView(map, element), element, at));
    if (field) onField(field.index);
  };
  const pointers = usePointers({
    onDrag: (drag) => looking.change((view, size) => dragged(view, drag, size)),
    onTap: open,
  });
  const onKey = (event: KeyboardEvent): void => {
    const step = steps[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) looking.change((view) => panned(view, ...step));
    else if (event.key === "+" || event.key === "=") looking.zoom(1.5);
    else if (event.key === "-") looking.zoom(1 / 1.5);
    else if (event.key === "0") looking.whole();
    else if (event.key === "Enter" && canvas.current)
      open({ x: canvas.current.width / 2, y: canvas.current.height / 2 });
    else return;
    event.preventDefault();
  };
  return (
    /* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a map that keys pan and zoom is an application */
    <canvas
      ref={canvas as { current: HTMLCanvasElement | null }}
      class="slide-canvas"
      tabIndex={0}
      role="application"
      aria-label={`Map of ${fields.length} fields. Arrow keys pan, plus and minus zoom, 0 shows all, Enter opens the field in the middle.`}
      onKeyDown={onKey}
      onWheel={(event) => {
        event.preventDefault();
        const at = { x: event.offsetX * devicePixelRatio, y: event.offsetY * devicePixelRatio };
        looking.zoom(Math.exp(-event.deltaY / 400), at);
      }}
      {...pointers}
    />
  );
};

export interface SlideMapProps {
  readonly scan: ScanRecord;
  readonly stale: boolean;
  /** A change tries again what could not be loaded. */
  readonly comebacks: number;
  /** The field that is looked at. */
  readonly open: number | undefined;
  readonly onField: (field: number) => void;
}

/** The slide as scanned so far: drag to pan, wheel, pinch, or + and - to zoom; click or Enter for a field. */
export const ScannedSlide = ({ scan, stale, comebacks, open, onField }: SlideMapProps) => {
  const path = `v1/scans/${encodeURIComponent(scan.id)}/map`;
  // Its bounds change once at most: when a coarse pass has told where the fields lie.
  const map = useLoaded<SlideMap>(path, `${scan.fieldsPlanned} ${comebacks}`);
  const fields = useFields(scan, comebacks);
  const [overlay, setOverlay] = useState<Overlay>("off");
  const [drawings, setDrawings] = useState(0);
  const redraw = (): void => setDrawings((count) => count + 1);
  const [tiles] = useState(() => new Tiles(scan, redraw));
  const canvas = useCanvasSize(redraw);
  const looking = useLooking(map.value, canvas);
  const shown = fields.value ?? [];
  useEffect(() => () => tiles.close(), []);
  useEffect(() => tiles.retry(), [comebacks]);
  useEffect(() => {
    if (canvas.current === null || map.value === undefined) return;
    const view = looking.view ?? wholeView(map.value, canvas.current);
    drawMap(canvas.current, { scan, map: map.value, fields: shown, overlay, view, open }, tiles);
    canvas.current.setAttribute("aria-busy", String(tiles.busy));
    canvas.current.dataset.fields = String(shown.length);
  }, [map.value, shown, overlay, looking.view, drawings, open]);
  return (
    <section class={stale ? "card slide-card stale" : "card slide-card"} aria-labelledby="slide-title">
      <div class="card-head">
        <h2 id="slide-title">Slide</h2>
        <StaleTag stale={stale} />
        <Controls {...{ overlay, looking }} onOverlay={setOverlay} />
      </div>
      <MapCanvas {...{ scan, overlay, open, looking, canvas, onField }} map={map.value} fields={shown} />
      <LoadFailure what="The map" of={map} />
      <LoadFailure what="The fields" of={fields} />
      <LoadFailure what="Parts of the map" of={{ error: tiles.error, reload: () => tiles.retry() }} />
    </section>
  );
};
