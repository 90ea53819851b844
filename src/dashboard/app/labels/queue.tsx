import { useState } from "preact/hooks";
import type { FieldPage } from "../../../labels/desk.js";
import { type FieldRecord, type ReviewOffer, type ReviewState, reviewStates } from "../../../labels/fieldRecord.js";
import { type Loaded, useLoaded } from "../api.js";
import { formatTime, shortId } from "../format.js";
import { hrefOf } from "../route.js";
import { pictureHref } from "./fieldPicture.js";
import { stateLabels } from "./keys.js";

const Thumbnail = ({ field }: { field: FieldRecord }) => (
  <img class="thumbnail" src={pictureHref(field.picture)} alt="" width="96" height="72" loading="lazy" />
);

interface ItemProps {
  readonly field: FieldRecord;
  readonly open: boolean;
  readonly reasons?: ReviewOffer["reasons"];
}

const Item = ({ field, open, reasons }: ItemProps) => (
  <li>
    <a
      class="offer"
      href={hrefOf("labels", field.field)}
      aria-current={open ? "true" : undefined}
      data-offer={field.field}
    >
      <Thumbnail field={field} />
      <span class="offer-text">
        <span class="offer-head">
          <strong title={field.field}>{shortId(field.field)}</strong>
          <span class={`state state-${field.state}`}>{stateLabels[field.state]}</span>
          <span class="muted">{field.cells.length} cells</span>
        </span>
        {reasons === undefined ? (
          <span class="muted">
            {field.author} · {formatTime(field.atMs)}
          </span>
        ) : (
          reasons.map(({ kind, text }) => (
            <span key={kind} class="offer-reason" data-reason={kind}>
              {text}
            </span>
          ))
        )}
      </span>
    </a>
  </li>
);

export type Listed = "next" | ReviewState | "all";

const listPath = (listed: Listed, after: string | undefined): string => {
  const state = listed === "all" ? "" : `&state=${listed}`;
  return `v1/labels?limit=30${state}${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`;
};

/** Fields that are in a state, page by page. */
const Browse = ({ listed, open, version }: { listed: Listed; open: string | undefined; version: number }) => {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const { value, error } = useLoaded<FieldPage>(listPath(listed, cursors.at(-1)), version);
  const { cursor } = value ?? {};
  return (
    <>
      {error !== undefined && <p class="failure">{error}</p>}
      <ul class="offers">
        {(value?.fields ?? []).map((field) => (
          <Item key={field.field} field={field} open={field.field === open} />
        ))}
      </ul>
      {value?.fields.length === 0 && <p class="muted">There are none.</p>}
      <div class="buttons note">
        {cursors.length > 0 && (
          <button type="button" class="tool" onClick={() => setCursors(cursors.slice(0, -1))}>
            Newer
          </button>
        )}
        {cursor !== undefined && (
          <button type="button" class="tool" onClick={() => setCursors([...cursors, cursor])}>
            Older
          </button>
        )}
      </div>
    </>
  );
};

export interface QueueProps {
  readonly offers: Loaded<ReviewOffer[]>;
  readonly open: string | undefined;
  /** Changes with every change of the labels. */
  readonly version: number;
}

/** The fields to look at, those that bring most first, each with its reasons; or all that are in a state. */
export const QueueCard = ({ offers, open, version }: QueueProps) => {
  const [listed, setListed] = useState<Listed>("next");
  return (
    <section class="card queue" aria-labelledby="queue-title">
      <div class="card-head">
        <h2 id="queue-title">Fields</h2>
        <label class="head-note">
          <span class="visually-hidden">Which fields</span>
          <select value={listed} onChange={(event) => setListed(event.currentTarget.value as Listed)}>
            <option value="next">To look at next</option>
            {reviewStates.map((state) => (
              <option key={state} value={state}>
                {stateLabels[state]}
              </option>
            ))}
            <option value="all">All, newest first</option>
          </select>
        </label>
      </div>
      {listed !== "next" ? (
        <Browse key={listed} listed={listed} open={open} version={version} />
      ) : (
        <>
          {offers.error !== undefined && <p class="failure">{offers.error}</p>}
          <ul class="offers">
            {(offers.value ?? []).map(({ field, reasons }) => (
              <Item key={field.field} field={field} open={field.field === open} reasons={reasons} />
            ))}
          </ul>
          {offers.value?.length === 0 && <p class="muted">Nothing waits for a review.</p>}
        </>
      )}
    </section>
  );
};
