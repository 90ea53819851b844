import { useEffect, useRef, useState } from "preact/hooks";
import { drawPicture, type Picture } from "./drawPicture.js";
import { formatCount } from "./format.js";
import { KeepButton } from "./keep.js";
import { type Layer, layers, layerTexts, type Settings } from "./settings.js";
import type { Taxonomy } from "./view.js";

export interface PictureCardProps {
  readonly picture: Picture | undefined;
  readonly taxonomy: Taxonomy;
  readonly settings: Settings;
  readonly frozen: boolean;
  readonly onToggle: (layer: Layer) => void;
  readonly onFreeze: () => void;
  /** Initials to keep fields under; undefined where none can be kept. */
  readonly keepFor: string | undefined;
}

const describe = ({ header }: Picture, taxonomy: Taxonomy): string => {
  const counts = new Map<string, number>();
  for (const cell of header.cells ?? []) {
    const label = taxonomy.get(cell.class)?.label ?? cell.class;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const parts = [...counts].map(([label, count]) => `${label} ${count}`);
  return `Field ${header.field.frame}. ${parts.join(", ") || "No cells"}.`;
};

/** Width of an element in CSS px, followed as it changes. */
const useWidth = (): [{ current: HTMLDivElement | null }, number] => {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
};

/** `keyed`: whether the layers' keys are listened to here. */
export const LayerButtons = ({
  settings,
  onToggle,
  offered = layers,
  keyed = true,
}: Pick<PictureCardProps, "settings" | "onToggle"> & { offered?: readonly Layer[]; keyed?: boolean }) => (
  <fieldset class="layers">
    <legend class="visually-hidden">Shown over the picture</legend>
    {offered.map((layer) => (
      <button
        key={layer}
        type="button"
        class="toggle"
        aria-pressed={settings[layer]}
        title={keyed ? `${layerTexts[layer].help} (${layerTexts[layer].key.toUpperCase()})` : layerTexts[layer].help}
        onClick={() => onToggle(layer)}
      >
        <span class="tick" aria-hidden="true" />
        {layerTexts[layer].label}
      </button>
    ))}
  </fieldset>
);

/** A field with its cells, as wide as there is room. */
export const FieldCanvas = ({
  picture,
  taxonomy,
  settings,
}: Pick<PictureCardProps, "taxonomy" | "settings"> & { picture: Picture }) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [box, width] = useWidth();
  const { field } = picture.header;
  useEffect(() => {
    if (canvas.current === null || width === 0) return;
    const pixelRatio = window.devicePixelRatio;
    const targetWidth = Math.round(width * pixelRatio);
    const targetHeight = Math.round((targetWidth * field.height) / field.width);
    if (canvas.current.width !== targetWidth) canvas.current.width = targetWidth;
    if (canvas.current.height !== targetHeight) canvas.current.height = targetHeight;
    drawPicture(canvas.current, picture, { settings, taxonomy, pixelRatio });
  }, [picture, taxonomy, settings, width]);
  return (
    <div ref={box} class="canvas-box" style={{ aspectRatio: `${field.width} / ${field.height}` }}>
      <canvas ref={canvas} role="img" aria-label={describe(picture, taxonomy)} data-frame={field.frame} />
    </div>
  );
};

/** The newest field with its cells. */
export const PictureCard = ({ picture, taxonomy, settings, frozen, onToggle, onFreeze, keepFor }: PictureCardProps) => (
  <section class="card picture" aria-labelledby="picture-title">
    <div class="card-head">
      <h2 id="picture-title">Field of view</h2>
      <LayerButtons settings={settings} onToggle={onToggle} />
      <button type="button" class="toggle" aria-pressed={frozen} title="Hold this picture (P)" onClick={onFreeze}>
        <span class="tick" aria-hidden="true" />
        Hold
      </button>
      {keepFor !== undefined && picture !== undefined && (
        <KeepButton frame={picture.header.field.frame} author={keepFor} />
      )}
    </div>
    {picture === undefined ? (
      <div class="canvas-box empty">
        <p>Waiting for the first picture</p>
      </div>
    ) : (
      <FieldCanvas picture={picture} taxonomy={taxonomy} settings={settings} />
    )}
    <div class="caption">
      <Legend taxonomy={taxonomy} />
      {picture !== undefined && (
        <p class="muted">
          Field {formatCount(picture.header.field.frame)} · {formatCount(picture.header.total ?? 0)} cells
          {frozen ? " · held" : ""}
        </p>
      )}
    </div>
  </section>
);

/** The marks of the three kinds of cell: shape as well as colour. */
export const Legend = ({ taxonomy }: { taxonomy: Taxonomy }) => (
  <ul class="legend" aria-label="Marks">
    {[...taxonomy.values()]
      .filter(({ parent }) => parent === null)
      .map((entry) => (
        <li key={entry.class}>
          <svg class="mark" viewBox="0 0 18 18" aria-hidden="true">
            {entry.class === "platelet" && (
              <circle cx="9" cy="9" r="7.5" fill="none" stroke="#2a2a2e" stroke-width="3" />
            )}
            <circle cx="9" cy="9" r="7.5" fill="none" stroke={entry.colour} stroke-width="2" />
            {entry.class === "erythrocyte" && <circle cx="9" cy="9" r="2.2" fill={entry.colour} />}
            {entry.class === "leukocyte" && <path d="M9 5v8M5 9h8" stroke={entry.colour} stroke-width="2" />}
            {entry.class === "platelet" && (
              <path d="M9 5.2l3.4 5.9H5.6z" fill={entry.colour} stroke="#2a2a2e" stroke-width="1.2" />
            )}
          </svg>
          {entry.label}
        </li>
      ))}
  </ul>
);
