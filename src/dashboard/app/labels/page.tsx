import { useRef } from "preact/hooks";
import type { ReviewOffer } from "../../../labels/fieldRecord.js";
import { useLoaded, useThrottled } from "../api.js";
import { AuthorField, type AuthorFieldProps, askAuthor } from "../author.js";
import { go } from "../route.js";
import type { View } from "../view.js";
import { Editor } from "./editor.js";
import { PileCard } from "./pile.js";
import { QueueCard } from "./queue.js";

/** While many labels come in, lists are fetched again no more often than this. */
const listIntervalMs = 1000;

export interface LabelsPageProps extends AuthorFieldProps {
  readonly view: View;
  readonly field: string | undefined;
  readonly shortcuts: boolean;
}

/** The newest revision of a field that the stream has told of. */
const useNewestRevision = (view: View, field: string | undefined): number | undefined => {
  const told = useRef<{ field: string | undefined; revision: number | undefined }>({ field, revision: undefined });
  if (told.current.field !== field) told.current = { field, revision: undefined };
  const change = view.labels?.changed.find((one) => one.field === field);
  if (change !== undefined) told.current.revision = Math.max(change.revision, told.current.revision ?? 0);
  return told.current.revision;
};

/** Labels: what has piled up, what to look at, and the field that is looked at. */
export const LabelsPage = ({ view, field, shortcuts, author, onAuthor }: LabelsPageProps) => {
  const version = useThrottled(view.labels?.sequence ?? 0, listIntervalMs);
  const offers = useLoaded<ReviewOffer[]>("v1/labels/next?limit=20", version);
  const newestRevision = useNewestRevision(view, field);
  const done = useRef(new Set<string>());
  const next = (finished: string): void => {
    done.current.add(finished);
    const following = offers.value?.find((offer) => !done.current.has(offer.field.field));
    go("labels", following?.field.field);
  };
  const editor = { taxonomy: view.taxonomy, author, shortcuts, newestRevision };
  return (
    <main class="labels-page">
      <div class="labels-head">
        <h2 class="visually-hidden">Labels</h2>
        <AuthorField author={author} onAuthor={onAuthor} />
        <p class="muted">
          Correct the boxes, then confirm: only confirmed fields are learnt from, and a confirmed field has no cell
          without a box.
        </p>
      </div>
      {field === undefined ? (
        <section class="card editor-empty">
          <p>Choose a field from the list, or begin with the first.</p>
          <button
            type="button"
            class="tool primary"
            disabled={(offers.value ?? []).length === 0}
            onClick={() => go("labels", offers.value?.[0]?.field.field)}
          >
            Begin
          </button>
        </section>
      ) : (
        <Editor key={field} field={field} {...editor} onAuthorMissing={askAuthor} onDone={next} />
      )}
      <div class="labels-side">
        <PileCard view={view} taxonomy={view.taxonomy} />
        <QueueCard offers={offers} open={field} version={version} />
      </div>
    </main>
  );
};
