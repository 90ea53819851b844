import type { CellClass } from "../../core/index.js";
import type { Connection } from "../../store/index.js";
import type { ReviewState } from "../fieldRecord.js";

/** Numbers that are kept up with every change, so that nobody counts rows. */
export type Counter = `fields:${ReviewState}` | `cells:${CellClass}` | "authors" | "groups" | "bytes";

export const addToCounter = (connection: Connection, name: Counter, by: number): void => {
  if (by === 0) return;
  connection
    .sql(
      "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
    )
    .run(name, by);
};

export const readCounters = (connection: Connection): ReadonlyMap<string, number> =>
  new Map(
    connection
      .sql("SELECT name, value FROM counters")
      .all<{ name: string; value: number }>()
      .map(({ name, value }) => [name, value]),
  );

const cellsPrefix = "cells:";

/** Cells of confirmed fields, by class. */
export const confirmedCells = (counters: ReadonlyMap<string, number>): Partial<Record<CellClass, number>> =>
  Object.fromEntries(
    [...counters].flatMap(([name, value]) =>
      name.startsWith(cellsPrefix) && value !== 0 ? [[name.slice(cellsPrefix.length), value]] : [],
    ),
  );
