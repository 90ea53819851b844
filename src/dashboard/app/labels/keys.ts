import type { ReviewState } from "../../../labels/fieldRecord.js";

/** Keys of the review, for the help page. */
export const editorKeys: readonly (readonly [string, string])[] = [
  ["← ↑ → ↓", "To the next cell in that direction; with Shift the box moves by a pixel, with Alt its far edges"],
  ["1 – 0", "The class of the selected cell, in the order of the list"],
  ["N", "A new box in the middle of what is shown"],
  ["Del", "Take the selected cell away"],
  ["Z", "Undo"],
  ["Enter", "Confirm every cell, and go to the next field"],
  ["S", "Save what is done so far, and stay"],
  ["U", "Not to be told, next"],
  ["R", "Of no use, next"],
  ["+ − F", "Closer, farther, the whole field"],
  ["H", "Drag the picture instead of boxes, or back"],
];

export const stateKeys: Readonly<Record<string, ReviewState>> = {
  Enter: "confirmed",
  s: "corrected",
  u: "unidentified",
  r: "rejected",
};

export const stateLabels: Readonly<Record<ReviewState, string>> = {
  proposed: "Proposed",
  corrected: "Corrected",
  confirmed: "Confirmed",
  unidentified: "Unidentified",
  rejected: "Rejected",
};
