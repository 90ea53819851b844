import { CytoError } from "../../src/core/index.js";
import type { Connection, DatabaseProgram } from "../../src/store/index.js";

/** A small station for the tests of the database's thread. */
export const migrations: readonly string[] = ["CREATE TABLE entries (value INTEGER NOT NULL, batch INTEGER NOT NULL)"];

const proceduresOf = (connection: Connection) => {
  let transactions = 0;
  let open = false;
  const add = (value: number): void => {
    if (!open) transactions++;
    open = true;
    connection.sql("INSERT INTO entries VALUES (?, ?)").run(value, transactions);
    // The microtasks of a group are over when the group is.
    queueMicrotask(() => {
      open = false;
    });
  };
  return {
    reads: {
      sum: (_: null) =>
        connection
          .sql("SELECT count(*) AS count, count(DISTINCT batch) AS transactions FROM entries")
          .get<{ count: number; transactions: number }>()!,
    },
    writes: {
      add,
      addAndFail: (value: number): void => {
        add(value);
        throw new CytoError("LABEL_CONFLICT", "as asked");
      },
    },
  } satisfies DatabaseProgram;
};

export type LedgerProgram = ReturnType<typeof proceduresOf>;
export const openProgram: (connection: Connection) => DatabaseProgram = proceduresOf;
