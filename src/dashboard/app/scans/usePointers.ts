import { useRef } from "preact/hooks";
import type { Point } from "./mapView.js";

/** A press that goes no farther than this is none that drags, CSS px; a finger is less steady than a mouse. */
const slackPx = { mouse: 4, touch: 10 } as const;

export interface Drag {
  readonly from: readonly [Point, Point?];
  readonly to: readonly [Point, Point?];
}

export interface PointerOptions {
  /** Places on the canvas, its own px. */
  readonly onDrag: (drag: Drag) => void;
  readonly onTap: (at: Point) => void;
}

const pointOf = ({ offsetX, offsetY }: MouseEvent): Point => ({
  x: offsetX * devicePixelRatio,
  y: offsetY * devicePixelRatio,
});

/** Presses, drags with one pointer, and pinches with two; what the browser takes away (`pointercancel`) opens nothing. */
export const usePointers = ({ onDrag, onTap }: PointerOptions) => {
  const pressed = useRef(new Map<number, Point>());
  /** Where the only press began, as long as it has not moved. */
  const tap = useRef<Point | undefined>(undefined);

  const pair = (): [Point, Point?] => {
    const [first, second] = pressed.current.values();
    return second === undefined ? [first!] : [first!, second];
  };
  const letGo = (event: PointerEvent): void => {
    pressed.current.delete(event.pointerId);
    tap.current = undefined;
  };
  return {
    onPointerDown: (event: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
      // A third finger, and other buttons than the first, mean nothing here.
      if (event.button > 0 || pressed.current.size === 2) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const at = pointOf(event);
      tap.current = pressed.current.size === 0 ? at : undefined;
      pressed.current.set(event.pointerId, at);
    },
    onPointerMove: (event: PointerEvent): void => {
      if (!pressed.current.has(event.pointerId)) return;
      const at = pointOf(event);
      const slack = (event.pointerType === "touch" ? slackPx.touch : slackPx.mouse) * devicePixelRatio;
      if (tap.current !== undefined && Math.hypot(at.x - tap.current.x, at.y - tap.current.y) < slack) return;
      tap.current = undefined;
      const from = pair();
      pressed.current.set(event.pointerId, at);
      onDrag({ from, to: pair() });
    },
    onPointerUp: (event: PointerEvent): void => {
      const at = tap.current;
      letGo(event);
      if (at !== undefined) onTap(at);
    },
    onPointerCancel: letGo,
  };
};
