import { useRef, useState } from "preact/hooks";
import type { Box } from "../../../core/index.js";
import type { Editing, EditingEvent } from "./editorState.js";
import {
  cellAt,
  fitBox,
  type Handle,
  handleAt,
  moveBox,
  type Point,
  panned,
  resizeBox,
  type Viewport,
} from "./geometry.js";

/** Reach of a handle and the way before a press becomes a drag, CSS px. */
const reachPx = 9;
const touchReachPx = 18;
const slackPx = 3;

type Gesture =
  | { readonly kind: "move"; readonly cell: number; readonly from: Point; readonly box: Box }
  | { readonly kind: "resize"; readonly cell: number; readonly from: Point; readonly box: Box; readonly handle: Handle }
  | { readonly kind: "draw"; readonly from: Point }
  | { readonly kind: "pan"; readonly from: Point; readonly view: Viewport };

export interface GestureOptions {
  readonly editing: Editing;
  readonly view: Viewport;
  /** Px of the picture in one CSS px. */
  readonly unit: number;
  /** Drags move the picture. */
  readonly dragging: boolean;
  readonly dispatch: (event: EditingEvent) => void;
  readonly onView: (view: Viewport) => void;
}

/** A box as it would be if the pointer were let go now; `cell` is undefined for a new one. */
export interface Preview {
  readonly cell: number | undefined;
  readonly box: Box;
}

const boxOf = (a: Point, b: Point): Box => ({ left: a.x, top: a.y, right: b.x, bottom: b.y });

const preview = (gesture: Gesture, at: Point, { editing: { size } }: GestureOptions): Preview | undefined => {
  const by = { x: at.x - gesture.from.x, y: at.y - gesture.from.y };
  if (gesture.kind === "move") return { cell: gesture.cell, box: moveBox(gesture.box, by, size) };
  if (gesture.kind === "resize") return { cell: gesture.cell, box: resizeBox(gesture.box, gesture.handle, by, size) };
  return gesture.kind === "draw" ? { cell: undefined, box: fitBox(boxOf(gesture.from, at), size) } : undefined;
};

/** What a press begins: a handle of the selected cell, a cell, or nothing of the kind: a new box. */
const begin = (at: Point, event: PointerEvent, options: GestureOptions): Gesture => {
  const { editing, unit, view, dragging } = options;
  if (dragging || event.button === 1) return { kind: "pan", from: at, view };
  const selected = editing.selected === undefined ? undefined : editing.cells[editing.selected];
  const reach = (event.pointerType === "touch" ? touchReachPx : reachPx) * unit;
  if (selected !== undefined && editing.selected !== undefined) {
    const handle = handleAt(selected.box, at, reach);
    if (handle !== undefined) return { kind: "resize", cell: editing.selected, from: at, box: selected.box, handle };
  }
  const index = cellAt(editing.cells, at);
  const cell = index === undefined ? undefined : editing.cells[index];
  if (index === undefined || cell === undefined) return { kind: "draw", from: at };
  return { kind: "move", cell: index, from: at, box: cell.box };
};

/** Presses and drags on the picture. */
export const useGestures = (options: GestureOptions) => {
  const gesture = useRef<Gesture | undefined>(undefined);
  const [shown, setShown] = useState<Preview>();
  const latest = useRef(options);
  latest.current = options;

  const at = (event: PointerEvent): Point => {
    const rectangle = (event.currentTarget as Element).getBoundingClientRect();
    const { view, unit } = latest.current;
    return { x: view.x + (event.clientX - rectangle.left) * unit, y: view.y + (event.clientY - rectangle.top) * unit };
  };
  const isDrag = (from: Point, to: Point): boolean =>
    Math.hypot(to.x - from.x, to.y - from.y) > slackPx * latest.current.unit;

  const onPointerDown = (event: PointerEvent): void => {
    if (event.button > 1 || gesture.current !== undefined) return;
    event.preventDefault();
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const begun = begin(at(event), event, latest.current);
    gesture.current = begun;
    if (begun.kind === "move") latest.current.dispatch({ type: "select", cell: begun.cell });
  };
  const onPointerMove = (event: PointerEvent): void => {
    const { current } = gesture;
    if (current === undefined) return;
    const to = at(event);
    if (current.kind === "pan") {
      const { view, onView, editing } = latest.current;
      onView(panned(view, { x: current.from.x - to.x, y: current.from.y - to.y }, editing.size));
    } else if (isDrag(current.from, to)) setShown(preview(current, to, latest.current));
  };
  const onPointerUp = (event: PointerEvent): void => {
    const { current } = gesture;
    gesture.current = undefined;
    setShown(undefined);
    if (current === undefined || current.kind === "pan") return;
    const to = at(event);
    const made = isDrag(current.from, to) ? preview(current, to, latest.current) : undefined;
    const { dispatch } = latest.current;
    if (made === undefined) {
      if (current.kind === "draw") dispatch({ type: "select", cell: undefined });
    } else if (made.cell === undefined) dispatch({ type: "add", box: made.box });
    else dispatch({ type: "box", cell: made.cell, box: made.box });
  };
  const onPointerCancel = (): void => {
    gesture.current = undefined;
    setShown(undefined);
  };
  return { preview: shown, handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel } };
};
