import { useEffect, useRef } from "preact/hooks";
import { formatCount, formatUm } from "./format.js";
import type { ScannedField } from "./view.js";

interface Extent {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const extentOf = (fields: readonly ScannedField[]): Extent => {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, widthUm, heightUm } of fields) {
    left = Math.min(left, x - widthUm / 2);
    right = Math.max(right, x + widthUm / 2);
    top = Math.min(top, y - heightUm / 2);
    bottom = Math.max(bottom, y + heightUm / 2);
  }
  return { left, top, width: right - left, height: bottom - top };
};

const draw = (canvas: HTMLCanvasElement, fields: readonly ScannedField[], extent: Extent): void => {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const colours = getComputedStyle(canvas);
  const margin = 10 * ratio;
  const scale = Math.min((canvas.width - 2 * margin) / extent.width, (canvas.height - 2 * margin) / extent.height);
  const offsetX = (canvas.width - extent.width * scale) / 2;
  const offsetY = (canvas.height - extent.height * scale) / 2;
  const trace = ({ x, y, widthUm, heightUm }: ScannedField): void => {
    const [left, top] = [x - widthUm / 2 - extent.left, y - heightUm / 2 - extent.top];
    context.beginPath();
    context.rect(left * scale + offsetX, top * scale + offsetY, widthUm * scale, heightUm * scale);
  };
  context.fillStyle = colours.getPropertyValue("--map-field");
  context.strokeStyle = colours.getPropertyValue("--map-edge");
  context.lineWidth = ratio;
  for (const field of fields) {
    trace(field);
    context.fill();
    context.stroke();
  }
  const newest = fields.at(-1);
  if (newest === undefined) return;
  trace(newest);
  context.fillStyle = colours.getPropertyValue("--accent");
  context.fill();
  context.lineWidth = 2.5 * ratio;
  context.strokeStyle = colours.getPropertyValue("--text");
  context.stroke();
};

/** Where on the slide fields have been seen; the newest is marked. */
export const SlideMapCard = ({ fields, theme }: { fields: readonly ScannedField[]; theme: string }) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const extent = extentOf(fields);
  const newest = fields.at(-1);
  useEffect(() => {
    if (canvas.current === null || fields.length === 0) return;
    const element = canvas.current;
    const redraw = () => draw(element, fields, extent);
    redraw();
    const observer = new ResizeObserver(redraw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [fields, theme]);
  return (
    <section class="card slide-map" aria-labelledby="map-title">
      <div class="card-head">
        <h2 id="map-title">Slide</h2>
        <p class="muted head-note">{fields.length === 0 ? "" : `${formatCount(fields.length)} places seen`}</p>
      </div>
      {newest === undefined ? (
        <p class="muted note">No positions: the camera reports none, or the scale is not known.</p>
      ) : (
        <>
          <canvas
            ref={canvas}
            class="map"
            role="img"
            data-fields={fields.length}
            aria-label={`Map of the slide: ${fields.length} places seen over ${formatUm(extent.width)} by ${formatUm(extent.height)}`}
          />
          <p class="muted note">
            {formatUm(extent.width)} × {formatUm(extent.height)} · now at {formatUm(newest.x)}, {formatUm(newest.y)}
          </p>
        </>
      )}
    </section>
  );
};
