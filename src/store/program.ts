import type { Connection } from "./connection.js";

/** What is done in the thread of the database, by name; arguments and results are cloned between threads. */
// biome-ignore lint/suspicious/noExplicitAny: procedures of any argument are procedures
export type Procedures = Readonly<Record<string, (argument: any) => unknown>>;

/** The part of a station that runs in the thread of the database. */
export interface DatabaseProgram {
  readonly reads: Procedures;
  /** Each runs in a transaction, with others; what it throws undoes what it did, and that alone. */
  readonly writes: Procedures;
  /** What a transaction wrote did not last: what is remembered of it is to be forgotten. */
  readonly forget?: () => void;
}

/** What a module exports that `openDatabase` is given. */
export interface DatabaseModule {
  /** SQL that brings a database from version n to n + 1, at place n. What has been released is never changed. */
  readonly migrations: readonly string[];
  readonly openProgram: (connection: Connection) => DatabaseProgram;
}

export interface DatabaseWorkerData {
  readonly path: string;
  readonly module: string;
  readonly readOnly: boolean;
}

export interface Call {
  readonly name: string;
  readonly argument: unknown;
}

export interface Request {
  readonly id: number;
  readonly kind: "read" | "write" | "check" | "close";
  readonly calls: readonly Call[];
}

/** An error between threads. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export type Outcome = { readonly value: unknown } | { readonly error: PlainError };

export interface Response {
  readonly id: number;
  readonly outcomes: readonly Outcome[];
}
