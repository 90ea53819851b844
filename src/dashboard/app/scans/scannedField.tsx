import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ScanFieldCells, ScanRecord } from "../../../scan/index.js";
import { useLoaded, useLoadedPicture } from "../api.js";
import type { Picture } from "../drawPicture.js";
import { FieldCanvas, LayerButtons, Legend } from "../picture.js";
import type { Layer, Settings } from "../settings.js";
import type { Taxonomy } from "../view.js";
import { LoadFailure } from "./failure.js";
import { countsText } from "./words.js";

/** Of a kept field there is no density map. */
const offered = ["outlines", "boxes", "centres", "letters"] as const satisfies readonly Layer[];

/** Shown over the pictures of a scan, by themselves: here boxes are what people look at. */
export const useFieldLayers = (settings: Settings): [Settings, (layer: Layer) => void] => {
  const [layers, setLayers] = useState({ outlines: false, boxes: true, centres: false, letters: true, density: false });
  return [{ ...settings, ...layers }, (layer) => setLayers((before) => ({ ...before, [layer]: !before[layer] }))];
};

const pictureOf = (image: ImageBitmap, found: ScanFieldCells | undefined, index: number, scan: ScanRecord): Picture => {
  const { widthPx: width, heightPx: height } = found ?? {
    widthPx: scan.setup.fieldWidthPx,
    heightPx: scan.setup.fieldHeightPx,
  };
  const umPerPixel = found?.umPerPixel ?? scan.setup.umPerPixel;
  const cells = (found?.cells ?? []).map(({ cellClass, confidence, centrePx, boxPx }) => ({
    class: cellClass,
    confidence,
    centre: [centrePx.x, centrePx.y] as [number, number],
    box: [boxPx.left, boxPx.top, boxPx.right, boxPx.bottom] as [number, number, number, number],
  }));
  return { header: { field: { frame: index, width, height, umPerPixel }, cells }, image, density: undefined };
};

const placeText = ({ field }: ScanFieldCells): string => {
  const { centreUm, sharpness, refocused } = field;
  return `x ${centreUm.x.toFixed(0)}, y ${centreUm.y.toFixed(0)} µm · focus ${sharpness.toPrecision(3)}${refocused ? " (refocused)" : ""}`;
};

export interface ScannedFieldProps {
  readonly scan: ScanRecord;
  readonly index: number;
  readonly taxonomy: Taxonomy;
  readonly settings: Settings;
  readonly comebacks: number;
  readonly onToggle: (layer: Layer) => void;
  readonly onField: (field: number | undefined) => void;
}

/** A field of a scan with the cells that were found in it. */
export const ScannedField = (props: ScannedFieldProps) => {
  const { scan, index, taxonomy, settings, comebacks, onToggle, onField } = props;
  const path = `v1/scans/${encodeURIComponent(scan.id)}/fields/${index}`;
  const found = useLoaded<ScanFieldCells>(`${path}/cells`, comebacks);
  const image = useLoadedPicture(`${path}/picture`, comebacks);
  const section = useRef<HTMLElement>(null);
  useEffect(() => section.current?.scrollIntoView({ block: "nearest" }), [index]);
  const picture = useMemo(
    () => image.value && pictureOf(image.value, found.value, index, scan),
    [image.value, found.value, index],
  );
  return (
    <section ref={section} class="card scanned-field" aria-labelledby="field-title">
      <div class="card-head">
        <h2 id="field-title">Field {index}</h2>
        <LayerButtons {...{ settings, onToggle, offered }} keyed={false} />
        <span class="buttons">
          <button type="button" class="tool" disabled={index === 0} onClick={() => onField(index - 1)}>
            <span class="visually-hidden">The field before</span>
            <span aria-hidden="true">‹</span>
          </button>
          <button type="button" class="tool" disabled={index + 1 >= scan.fieldsDone} onClick={() => onField(index + 1)}>
            <span class="visually-hidden">The next field</span>
            <span aria-hidden="true">›</span>
          </button>
          <button type="button" class="tool" onClick={() => onField(undefined)}>
            Close
          </button>
        </span>
      </div>
      {picture === undefined ? (
        <div class="canvas-box empty">{image.error === undefined && <p>The picture is coming</p>}</div>
      ) : (
        <FieldCanvas {...{ picture, taxonomy, settings }} />
      )}
      <LoadFailure what="The picture" of={image} />
      <LoadFailure what="The cells of the field" of={found} />
      <div class="caption">
        <Legend taxonomy={taxonomy} />
        {found.value !== undefined && <p class="muted">{placeText(found.value)}</p>}
      </div>
      {found.value !== undefined && <p class="found">{countsText(taxonomy, found.value.field.cells)}</p>}
    </section>
  );
};
