import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { FieldRecord, ReviewState } from "../../../labels/fieldRecord.js";
import { useLoaded } from "../api.js";
import { formatTime, shortId } from "../format.js";
import type { Taxonomy } from "../view.js";
import { describeEditing, FieldPicture } from "./fieldPicture.js";
import { moveBox, type Point, resizeBox, revealing, type Viewport, zoomed } from "./geometry.js";
import { History } from "./history.js";
import { stateKeys, stateLabels } from "./keys.js";
import { classOfKey, Palette } from "./palette.js";
import { type Review, useReview } from "./useReview.js";

export interface EditorProps {
  readonly field: string;
  readonly taxonomy: Taxonomy;
  readonly author: string;
  readonly shortcuts: boolean;
  /** The newest revision that the daemon has told of. */
  readonly newestRevision: number | undefined;
  readonly onAuthorMissing: () => void;
  /** The field is done with: on to the next. */
  readonly onDone: (field: string) => void;
}

const directions: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

interface Pane {
  readonly view: Viewport;
  readonly setView: (view: Viewport) => void;
  readonly dragging: boolean;
  readonly setDragging: (on: boolean) => void;
  readonly whole: Viewport;
}

const centreOf = (view: Viewport): Point => ({ x: view.x + view.width / 2, y: view.y + view.height / 2 });

const zoomBy = ({ view, setView, whole }: Pane, factor: number): void =>
  setView(zoomed(view, factor, centreOf(view), whole));

const addInMiddle = ({ view }: Pane, { dispatch }: Review): void => {
  const { x, y } = centreOf(view);
  const half = Math.min(view.width, view.height) / 10;
  dispatch({ type: "add", box: { left: x - half, top: y - half, right: x + half, bottom: y + half } });
};

const onArrow = (event: KeyboardEvent, step: Point, { editing, dispatch }: Review): void => {
  const { selected, cells, size } = editing;
  const cell = selected === undefined ? undefined : cells[selected];
  if (!event.shiftKey && !event.altKey) dispatch({ type: "step", towards: step });
  else if (cell === undefined || selected === undefined) return;
  else if (event.altKey) dispatch({ type: "box", cell: selected, box: resizeBox(cell.box, "br", step, size) });
  else dispatch({ type: "box", cell: selected, box: moveBox(cell.box, step, size) });
};

/** Keys for the browser, for a dialog, for what is being typed; Enter belongs to a button that has the focus. */
const isMeantElsewhere = ({ key, ctrlKey, metaKey, target }: KeyboardEvent): boolean => {
  if (ctrlKey || metaKey || document.querySelector("dialog[open]") !== null) return true;
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return true;
  return key === "Enter" && target instanceof HTMLElement && target.closest("button, a, summary") !== null;
};

/** The keys of the review; those that finish a field go through `onState`. Without `shortcuts` letters and figures do nothing. */
const useEditorKeys = (
  { review, pane, taxonomy }: { review: Review; pane: Pane; taxonomy: Taxonomy },
  onState: (state: ReviewState) => void,
  shortcuts: boolean,
): void => {
  useLayoutEffect(() => {
    const actions: Readonly<Record<string, () => void>> = {
      Delete: () => review.dispatch({ type: "remove" }),
      Backspace: () => review.dispatch({ type: "remove" }),
      z: () => review.dispatch({ type: "undo" }),
      n: () => addInMiddle(pane, review),
      h: () => pane.setDragging(!pane.dragging),
      f: () => pane.setView(pane.whole),
      "+": () => zoomBy(pane, 1.5),
      "=": () => zoomBy(pane, 1.5),
      "-": () => zoomBy(pane, 1 / 1.5),
      Escape: () => review.dispatch({ type: "select", cell: undefined }),
    };
    const perform = (key: string, event: KeyboardEvent): boolean => {
      const step = directions[key];
      const state = event.repeat ? undefined : stateKeys[key];
      const cellClass = classOfKey(taxonomy, key);
      if (step !== undefined) onArrow(event, step, review);
      else if (event.altKey) return false;
      else if (cellClass !== undefined) review.dispatch({ type: "class", cellClass });
      else if (state !== undefined) onState(state);
      else if (actions[key] !== undefined) actions[key]();
      else return false;
      return true;
    };
    const onKey = (event: KeyboardEvent): void => {
      const single = event.key.length === 1;
      if ((single && !shortcuts) || isMeantElsewhere(event)) return;
      if (perform(single ? event.key.toLowerCase() : event.key, event)) event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });
};

const usePane = ({ picture }: FieldRecord, review: Review): Pane => {
  const whole = { x: 0, y: 0, width: picture.widthPx, height: picture.heightPx };
  const [view, setView] = useState<Viewport>(whole);
  const [dragging, setDragging] = useState(false);
  useEffect(() => setView(whole), [picture.sha256]);
  const { selected, cells } = review.editing;
  useEffect(() => {
    const cell = selected === undefined ? undefined : cells[selected];
    if (cell !== undefined) setView((before) => revealing(before, cell.box, whole));
  }, [selected]);
  return { view, setView, dragging, setDragging, whole };
};

const Tools = ({ review, pane }: { review: Review; pane: Pane }) => (
  <div class="buttons editor-tools" role="toolbar" aria-label="Picture and boxes">
    <button type="button" class="tool" title="Closer (+)" onClick={() => zoomBy(pane, 1.5)}>
      +
    </button>
    <button type="button" class="tool" title="Farther (−)" onClick={() => zoomBy(pane, 1 / 1.5)}>
      −
    </button>
    <button type="button" class="tool" title="The whole field (F)" onClick={() => pane.setView(pane.whole)}>
      Whole
    </button>
    <button
      type="button"
      class="toggle"
      aria-pressed={pane.dragging}
      title="Drag the picture instead of boxes (H)"
      onClick={() => pane.setDragging(!pane.dragging)}
    >
      <span class="tick" aria-hidden="true" />
      Pan
    </button>
    <button type="button" class="tool" title="A new box in the middle (N)" onClick={() => addInMiddle(pane, review)}>
      New box
    </button>
    <button
      type="button"
      class="tool"
      title="Take the selected cell away (Del)"
      disabled={review.editing.selected === undefined}
      onClick={() => review.dispatch({ type: "remove" })}
    >
      Delete
    </button>
    <button
      type="button"
      class="tool"
      title="Undo (Z)"
      disabled={!review.changed}
      onClick={() => review.dispatch({ type: "undo" })}
    >
      Undo
    </button>
  </div>
);

interface VerdictProps {
  readonly record: FieldRecord;
  readonly review: Review;
  readonly newer: boolean;
  readonly onState: (state: ReviewState, basedOn?: number) => void;
  readonly onTheirs: () => void;
}

/** What became of handing it in, and what can be done about it. */
const Outcome = ({ record, review: { saving, changed }, newer, onState, onTheirs }: VerdictProps) => {
  const { value: theirs } = useLoaded<FieldRecord>(
    newer || saving.phase === "conflict" ? `v1/labels/${encodeURIComponent(record.field)}` : undefined,
    saving.phase,
  );
  if (saving.phase === "failed") {
    return (
      <div class="failure" role="alert">
        Not kept: {saving.text}
        <button type="button" class="link" onClick={() => onState(saving.state)}>
          Try again
        </button>
      </div>
    );
  }
  if (saving.phase === "sending" || (!newer && saving.phase !== "conflict"))
    return saving.phase === "saved" ? <p class="muted">Kept: {stateLabels[saving.state].toLowerCase()}.</p> : null;
  if (theirs === undefined || theirs.revision === record.revision) return null;
  return (
    <div class="conflict" role="alert">
      <p>
        <strong>Changed meanwhile.</strong> {theirs.author} made it {stateLabels[theirs.state].toLowerCase()} with{" "}
        {theirs.cells.length} cells at {formatTime(theirs.atMs)}.
      </p>
      <div class="buttons">
        <button type="button" class="tool" onClick={onTheirs}>
          {changed ? "Take theirs, drop mine" : "Show theirs"}
        </button>
        {saving.phase === "conflict" && (
          <button type="button" class="tool" onClick={() => onState(saving.state, theirs.revision)}>
            Put mine on top
          </button>
        )}
      </div>
    </div>
  );
};

const Verdicts = ({ onState, busy }: { onState: (state: ReviewState) => void; busy: boolean }) => (
  <div class="verdicts">
    <button type="button" class="tool primary" disabled={busy} onClick={() => onState("confirmed")}>
      Confirm, next <kbd>Enter</kbd>
    </button>
    <button type="button" class="tool" disabled={busy} onClick={() => onState("corrected")}>
      Save <kbd>S</kbd>
    </button>
    <button type="button" class="tool" disabled={busy} onClick={() => onState("unidentified")}>
      Not to be told <kbd>U</kbd>
    </button>
    <button type="button" class="tool" disabled={busy} onClick={() => onState("rejected")}>
      Of no use <kbd>R</kbd>
    </button>
  </div>
);

const originText = ({ origin, umPerPixel, picture }: FieldRecord): string =>
  [
    origin.slide,
    origin.device,
    origin.model,
    origin.file,
    `${picture.widthPx} × ${picture.heightPx} px`,
    umPerPixel === undefined ? undefined : `${umPerPixel} µm/px`,
  ]
    .filter((part) => part !== undefined)
    .join(" · ");

const OpenField = (props: EditorProps & { readonly record: FieldRecord; readonly reload: () => void }) => {
  const { record, reload, taxonomy, author, shortcuts, newestRevision = 0, onAuthorMissing, onDone } = props;
  const review = useReview(record);
  const pane = usePane(record, review);
  const busy = review.saving.phase === "sending";
  const onState = (state: ReviewState, basedOn?: number): void => {
    if (author.trim() === "") onAuthorMissing();
    if (author.trim() === "" || busy) return;
    review.save(state, author, basedOn).then((kept) => {
      if (!kept) return;
      if (state === "corrected") reload();
      else onDone(record.field);
    });
  };
  useEditorKeys({ review, pane, taxonomy }, onState, shortcuts);
  const newer = newestRevision > record.revision && review.saving.phase !== "saved" && !busy;
  return (
    <section
      class="card editor"
      aria-labelledby="editor-title"
      data-field={record.field}
      data-revision={record.revision}
    >
      <div class="editor-picture">
        <div class="card-head">
          <h2 id="editor-title" title={record.field}>
            Field {shortId(record.field)}
          </h2>
          <span class={`state state-${record.state}`}>{stateLabels[record.state]}</span>
          <Tools review={review} pane={pane} />
        </div>
        <FieldPicture {...{ record, taxonomy }} {...review} {...pane} onView={pane.setView} />
        <p class="muted note">{originText(record)}</p>
        <p class="visually-hidden" role="status">
          {describeEditing(review.editing, taxonomy)}
        </p>
      </div>
      <div class="editor-side">
        <Palette editing={review.editing} taxonomy={taxonomy} dispatch={review.dispatch} />
        <Verdicts onState={onState} busy={busy} />
        <Outcome {...{ record, review, newer, onState }} onTheirs={reload} />
        <History field={record.field} revision={record.revision} />
      </div>
    </section>
  );
};

/** One field, to be corrected and judged; the keyboard is enough. */
export const Editor = (props: EditorProps) => {
  const { value: record, error, reload } = useLoaded<FieldRecord>(`v1/labels/${encodeURIComponent(props.field)}`);
  if (record !== undefined) return <OpenField {...props} record={record} reload={reload} />;
  return (
    <section class="card">
      <p class={error === undefined ? "muted" : "failure"}>{error ?? "Opening the field…"}</p>
    </section>
  );
};
