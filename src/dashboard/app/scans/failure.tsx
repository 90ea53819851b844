import { ApiError, type Loaded } from "../api.js";
import { adviceOf } from "./words.js";

/** Why something was refused: in words, by its code, and what to do. */
export const Refusal = ({ reason }: { reason: unknown }) => {
  if (reason === undefined) return null;
  const code = reason instanceof ApiError ? reason.code : undefined;
  const advised = code === undefined ? undefined : adviceOf(code);
  return (
    <p class="failure" role="alert" data-code={code}>
      {reason instanceof ApiError ? `${reason.message} (${reason.code})` : String(reason)}
      {advised !== undefined && <span class="advice"> {advised}</span>}
    </p>
  );
};

/** What could not be loaded, why, and a way to try again. */
export const LoadFailure = ({ what, of: { error, reload } }: { what: string; of: Omit<Loaded<unknown>, "value"> }) =>
  error === undefined ? null : (
    <div class="load-failure" role="alert">
      <p class="failure">
        {what} could not be loaded: {error}
      </p>
      <button type="button" class="tool" onClick={reload}>
        Try again
      </button>
    </div>
  );
