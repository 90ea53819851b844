import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { FieldRecord, LabelReceipt, LabelSubmission, ReviewState } from "../../../labels/fieldRecord.js";
import { ApiError, errorText, newId, post } from "../api.js";
import { beginEditing, type Editing, type EditingEvent, reduceEditing } from "./editorState.js";

export type Saving =
  | { readonly phase: "idle" }
  | { readonly phase: "sending" }
  | { readonly phase: "saved"; readonly state: ReviewState }
  /** Somebody else has changed the field since it was opened. */
  | { readonly phase: "conflict"; readonly state: ReviewState }
  | { readonly phase: "failed"; readonly text: string; readonly state: ReviewState };

export interface Review {
  readonly editing: Editing;
  readonly dispatch: (event: EditingEvent) => void;
  readonly saving: Saving;
  /** Resolves with whether it is kept; sent again after a failure it is the same label, and kept once. */
  readonly save: (state: ReviewState, author: string, basedOn?: number) => Promise<boolean>;
  readonly changed: boolean;
}

const sizeOf = ({ picture }: FieldRecord) => ({ width: picture.widthPx, height: picture.heightPx });

/** Corrections of one field, and handing them in. */
export const useReview = (record: FieldRecord): Review => {
  const [editing, dispatch] = useReducer(reduceEditing, undefined, () =>
    beginEditing(record.cells, sizeOf(record), "neutrophil"),
  );
  const [saving, setSaving] = useState<Saving>({ phase: "idle" });
  const last = useRef<LabelSubmission | undefined>(undefined);
  const shown = useRef(record);
  useEffect(() => {
    if (shown.current === record) return;
    shown.current = record;
    dispatch({ type: "begin", cells: record.cells, size: sizeOf(record) });
    setSaving({ phase: "idle" });
  }, [record]);

  const save = async (state: ReviewState, author: string, basedOn = record.revision): Promise<boolean> => {
    const label = { field: record.field, cells: editing.cells, state, author: author.trim(), basedOn };
    const before = last.current;
    const same = before !== undefined && JSON.stringify({ ...before, id: "" }) === JSON.stringify({ ...label, id: "" });
    const submission: LabelSubmission = { ...label, id: same ? before.id : newId() };
    last.current = submission;
    setSaving({ phase: "sending" });
    try {
      await post<LabelReceipt>("v1/labels", submission);
      setSaving({ phase: "saved", state });
      return true;
    } catch (error) {
      const conflict = error instanceof ApiError && error.code === "LABEL_CONFLICT";
      setSaving(conflict ? { phase: "conflict", state } : { phase: "failed", text: errorText(error), state });
      return false;
    }
  };
  return { editing, dispatch, saving, save, changed: editing.past.length > 0 };
};
