import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { errorText } from "./api.js";

export interface ConfirmProps {
  readonly title: string;
  readonly action: string;
  readonly children?: ComponentChildren;
  /** Whether what has been filled in is enough. */
  readonly ready?: boolean;
  /** Closes where it resolves; says why where it does not. */
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks before something that cannot be taken back by a click. */
export const ConfirmDialog = ({ title, action, children, ready = true, onConfirm, onClose }: ConfirmProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    onConfirm().then(onClose, (reason: unknown) => {
      setError(errorText(reason));
      setBusy(false);
    });
  };
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={onClose}>
      <form onSubmit={confirm}>
        <h2 id="confirm-title">{title}</h2>
        <div class="confirm-body">{children}</div>
        {error !== undefined && (
          <p class="failure" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-end buttons">
          <button type="button" class="tool" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class="tool primary" disabled={busy || !ready}>
            {busy ? "Working…" : action}
          </button>
        </div>
      </form>
    </dialog>
  );
};
