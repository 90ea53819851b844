import { useEffect, useRef, useState } from "preact/hooks";
import type { LabelledCell } from "../../../core/index.js";
import type { FieldRecord } from "../../../labels/fieldRecord.js";
import type { Taxonomy } from "../view.js";
import type { Editing, EditingEvent } from "./editorState.js";
import { areaOf, handlePoint, handles, type Viewport, zoomed } from "./geometry.js";
import { useGestures } from "./useGestures.js";

/** The address of a picture in a form that browsers show. */
export const pictureHref = ({ sha256, mediaType }: FieldRecord["picture"]): string =>
  `v1/pictures/${sha256}${mediaType === "image/tiff" ? "?format=png" : ""}`;

export interface FieldPictureProps {
  readonly record: FieldRecord;
  readonly editing: Editing;
  readonly taxonomy: Taxonomy;
  readonly view: Viewport;
  readonly dragging: boolean;
  readonly dispatch: (event: EditingEvent) => void;
  readonly onView: (view: Viewport) => void;
}

interface CellProps {
  readonly cell: LabelledCell;
  readonly selected: boolean;
  readonly taxonomy: Taxonomy;
  readonly unit: number;
}

/** Red cells have no letters: there are too many of them. */
const CellMark = ({ cell: { box, cellClass }, selected, taxonomy, unit }: CellProps) => {
  const entry = taxonomy.get(cellClass);
  const shape = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top };
  const lettered = selected || cellClass !== "erythrocyte";
  return (
    <g class={selected ? "cell selected" : "cell"} data-class={cellClass}>
      <rect class="casing" {...shape} />
      <rect class="line" {...shape} stroke={entry?.colour ?? "#888888"} />
      {lettered && (
        <g transform={`translate(${box.left} ${box.top}) scale(${unit})`}>
          <rect class="tag-back" x={0} y={-19} width={entry?.abbreviation.length === 2 ? 28 : 36} height={17} rx={3} />
          <text class="tag-text" x={4} y={-6}>
            {entry?.abbreviation ?? "?"}
          </text>
        </g>
      )}
    </g>
  );
};

const Handles = ({ cell: { box }, unit }: Pick<CellProps, "cell" | "unit">) => (
  <g class="handles">
    {handles.map((handle) => {
      const { x, y } = handlePoint(box, handle);
      return <rect key={handle} x={x - 4 * unit} y={y - 4 * unit} width={8 * unit} height={8 * unit} />;
    })}
  </g>
);

/** What is seen and selected, for those who hear the page. */
export const describeEditing = (editing: Editing, taxonomy: Taxonomy): string => {
  const { cells, selected } = editing;
  const cell = selected === undefined ? undefined : cells[selected];
  const chosen =
    cell === undefined
      ? "none selected"
      : `number ${(selected ?? 0) + 1} selected: ${taxonomy.get(cell.cellClass)?.label}`;
  return `Field with ${cells.length} cells, ${chosen}.`;
};

/** Small boxes are drawn over large ones. */
const largestFirst = (cells: readonly LabelledCell[]): { readonly cell: LabelledCell; readonly index: number }[] =>
  cells.map((cell, index) => ({ cell, index })).sort((a, b) => areaOf(b.cell.box) - areaOf(a.cell.box));

/** The picture with its boxes: drag a box, its handles, or over empty ground for a new one. */
export const FieldPicture = (props: FieldPictureProps) => {
  const { record, editing, taxonomy, view, dragging, dispatch, onView } = props;
  const svg = useRef<SVGSVGElement>(null);
  const [widthPx, setWidthPx] = useState(0);
  useEffect(() => {
    if (svg.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidthPx(entry?.contentRect.width ?? 0));
    observer.observe(svg.current);
    return () => observer.disconnect();
  }, []);
  const unit = widthPx === 0 ? 1 : view.width / widthPx;
  const { preview, handlers } = useGestures({ editing, view, unit, dragging, dispatch, onView });
  const { width, height } = editing.size;
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const rectangle = (event.currentTarget as Element).getBoundingClientRect();
    const about = {
      x: view.x + (event.clientX - rectangle.left) * unit,
      y: view.y + (event.clientY - rectangle.top) * unit,
    };
    onView(zoomed(view, 1.2 ** -Math.sign(event.deltaY), about, editing.size));
  };
  const shown = editing.cells.map((cell, index) => (preview?.cell === index ? { ...cell, box: preview.box } : cell));
  const drawn = preview !== undefined && preview.cell === undefined ? preview.box : undefined;
  const selected = editing.selected === undefined ? undefined : shown[editing.selected];
  return (
    <svg
      ref={svg}
      class={dragging ? "field-picture dragging" : "field-picture"}
      viewBox={`${view.x} ${view.y} ${view.width} ${view.height}`}
      role="img"
      aria-label={describeEditing(editing, taxonomy)}
      data-cells={editing.cells.length}
      style={{
        aspectRatio: `${width} / ${height}`,
        width: `min(100%, calc(max(20rem, 100vh - 18.5rem) * ${width / height}))`,
      }}
      onWheel={onWheel}
      {...handlers}
    >
      <image href={pictureHref(record.picture)} width={width} height={height} preserveAspectRatio="none" />
      {largestFirst(shown).map(({ cell, index }) =>
        index === editing.selected ? null : (
          <CellMark key={index} cell={cell} selected={false} taxonomy={taxonomy} unit={unit} />
        ),
      )}
      {selected !== undefined && <CellMark cell={selected} selected={true} taxonomy={taxonomy} unit={unit} />}
      {selected !== undefined && <Handles cell={selected} unit={unit} />}
      {drawn !== undefined && (
        <CellMark
          cell={{ cellClass: editing.drawnClass, box: drawn }}
          selected={true}
          taxonomy={taxonomy}
          unit={unit}
        />
      )}
    </svg>
  );
};
