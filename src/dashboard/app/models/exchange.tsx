import { useState } from "preact/hooks";
import type { Promotion } from "../../../registry/index.js";
import { post } from "../api.js";
import { AuthorField, type AuthorFieldProps } from "../author.js";
import { ConfirmDialog } from "../confirm.js";

export interface ExchangeProps extends AuthorFieldProps {
  /** The model to promote; without one it goes back by one. */
  readonly model: string | undefined;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Asks who and why before another model goes into production. */
export const ExchangeDialog = ({ model, author, onAuthor, onDone, onClose }: ExchangeProps) => {
  const [reason, setReason] = useState("");
  const by = author.trim();
  const exchange = async (): Promise<void> => {
    if (model === undefined) await post<Promotion>("v1/models/rollback", { by });
    else await post<Promotion>("v1/models/promote", { model, by, reason: reason.trim() });
    onDone();
  };
  const ready = by !== "" && (model === undefined || reason.trim() !== "");
  return (
    <ConfirmDialog
      title={model === undefined ? "Go back by one model?" : `Put ${model} into production?`}
      action={model === undefined ? "Go back" : "Promote"}
      ready={ready}
      onConfirm={exchange}
      onClose={onClose}
    >
      <p>
        It is loaded and tried on its golden fields first, then exchanged between two frames. If any of that fails, the
        present one stays.
      </p>
      <AuthorField author={author} onAuthor={onAuthor} />
      {model !== undefined && (
        <label class="reason-field">
          Why
          <input type="text" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
      )}
    </ConfirmDialog>
  );
};
