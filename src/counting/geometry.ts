/** An axis-aligned rectangle on the slide, um; right and bottom are exclusive; x rises to the right, y downwards. */
export interface RectUm {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface PointUm {
  readonly x: number;
  readonly y: number;
}

export const rectAround = (centre: PointUm, width: number, height: number): RectUm => ({
  left: centre.x - width / 2,
  top: centre.y - height / 2,
  right: centre.x + width / 2,
  bottom: centre.y + height / 2,
});

export const areaOf = (rect: RectUm): number =>
  Math.max(0, rect.right - rect.left) * Math.max(0, rect.bottom - rect.top);

/** The common part of two rectangles; empty (right <= left or bottom <= top) where there is none. */
export const intersect = (a: RectUm, b: RectUm): RectUm => ({
  left: Math.max(a.left, b.left),
  top: Math.max(a.top, b.top),
  right: Math.min(a.right, b.right),
  bottom: Math.min(a.bottom, b.bottom),
});

export const isEmpty = (rect: RectUm): boolean => rect.right <= rect.left || rect.bottom <= rect.top;

export const contains = (outer: RectUm, inner: RectUm): boolean =>
  inner.left >= outer.left && inner.top >= outer.top && inner.right <= outer.right && inner.bottom <= outer.bottom;
