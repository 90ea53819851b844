import type { Connection, DatabaseProgram } from "../../store/index.js";
import type { FieldQuery } from "../desk.js";
import { offerFields } from "./offers.js";
import {
  type Alike,
  addLooks,
  addPicture,
  groupPictures,
  LookAlikeSearch,
  refusePicture,
  waitingPictures,
} from "./pictures.js";
import { listFields, readField, readPicture, readRevisions, readStats, walkFields } from "./queries.js";
import type { NewLabel, NewPicture, PictureLooks } from "./rows.js";
import { ConfirmedStains } from "./stains.js";
import { submitLabel } from "./submit.js";

/** What the labels do in the thread of the database. */
export const proceduresOf = (connection: Connection) => {
  const stains = new ConfirmedStains(connection);
  const lookAlikes = new LookAlikeSearch(connection);
  return {
    reads: {
      field: (field: string) => readField(connection, field),
      revisions: (field: string) => readRevisions(connection, field),
      picture: (sha256: string) => readPicture(connection, sha256),
      list: (query: FieldQuery) => listFields(connection, query),
      walk: (page: { readonly after: number; readonly limit: number }) => walkFields(connection, page),
      offers: (limit: number) => offerFields(connection, stains, limit),
      stats: (_: null) => readStats(connection),
      waitingPictures: (page: { readonly after: number; readonly limit: number }) => waitingPictures(connection, page),
      lookAlikes: (_: null) => lookAlikes.next(),
    },
    writes: {
      submit: (label: NewLabel) => submitLabel(connection, stains, label),
      addPicture: (picture: NewPicture) => addPicture(connection, picture),
      addLooks: (examined: { readonly id: number; readonly looks: PictureLooks }) =>
        addLooks(connection, stains, examined),
      refusePicture: (id: number) => refusePicture(connection, id),
      group: (found: readonly Alike[]) => groupPictures(connection, lookAlikes, found),
    },
    forget: () => {
      stains.forget();
      lookAlikes.forget();
    },
  } satisfies DatabaseProgram;
};

export type LabelProgram = ReturnType<typeof proceduresOf>;
export const openProgram: (connection: Connection) => DatabaseProgram = proceduresOf;
export { migrations } from "./schema.js";
