import { useState } from "preact/hooks";
import type { LabelReceipt } from "../../labels/index.js";
import { errorText, newId, post } from "./api.js";
import { hrefOf } from "./route.js";

type Kept =
  | { readonly phase: "idle" | "sending" }
  | { readonly phase: "kept"; readonly field: string }
  | { readonly phase: "failed"; readonly text: string };

/** Keeps the field that is shown, with the cells that were found, for review. */
export const KeepButton = ({ frame, author }: { frame: number; author: string }) => {
  const [kept, setKept] = useState<Kept>({ phase: "idle" });
  const keep = (): void => {
    setKept({ phase: "sending" });
    const wish = { id: newId(), frame, ...(author.trim() === "" ? {} : { author: author.trim() }) };
    post<LabelReceipt>("v1/labels/keep", wish).then(
      ({ field }) => setKept({ phase: "kept", field }),
      (error: unknown) => setKept({ phase: "failed", text: errorText(error) }),
    );
  };
  return (
    <span class="keep">
      <button
        type="button"
        class="toggle"
        title="Keep this field for review (K)"
        disabled={kept.phase === "sending"}
        data-keep
        onClick={keep}
      >
        Keep this field
      </button>
      <span role="status">
        {kept.phase === "kept" && <a href={hrefOf("labels", kept.field)}>Kept: review it</a>}
        {kept.phase === "failed" && <span class="failure">{kept.text}</span>}
      </span>
    </span>
  );
};
