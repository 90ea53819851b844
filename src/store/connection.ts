import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import Libsql from "libsql";
import { CytoError, type ErrorCode } from "../core/index.js";
import { storeError } from "./durableFile.js";

/** What a column holds and a statement is given. */
export type SqlValue = string | number | Uint8Array | null;

/** A prepared statement; values by position. */
export interface Statement {
  run(...values: readonly SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number };
  get<Row>(...values: readonly SqlValue[]): Row | undefined;
  all<Row>(...values: readonly SqlValue[]): Row[];
}

/** A connection in the thread of the database: synchronous. */
export interface Connection {
  /** Prepared once for each text. @throws CytoError as every use of a statement */
  sql(text: string): Statement;
  exec(text: string): void;
  readonly inTransaction: boolean;
  close(): void;
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const probeBytes = 64 * 1024;

/** SQLite says only that a write failed: a file beside the database, as long, tells whether for want of space. */
const probe = (path: string): CytoError => {
  const beside = `${path}.probe`;
  try {
    const file = openSync(beside, "w");
    try {
      writeSync(file, new Uint8Array(probeBytes), 0, probeBytes, Math.max(sizeOf(path), sizeOf(`${path}-wal`)));
    } finally {
      closeSync(file);
    }
    return new CytoError("STORE_FAILED", `${path} could not be written`);
  } catch (error) {
    return storeError(error, path);
  } finally {
    rmSync(beside, { force: true });
  }
};

const codes: readonly (readonly [string, ErrorCode])[] = [
  ["SQLITE_FULL", "STORE_FULL"],
  ["SQLITE_BUSY", "STORE_BUSY"],
  ["SQLITE_LOCKED", "STORE_BUSY"],
  ["SQLITE_CORRUPT", "STORE_DAMAGED"],
  ["SQLITE_NOTADB", "STORE_DAMAGED"],
];

/** A fault of the database as one of ours. */
export const databaseError = (error: unknown, path: string): CytoError => {
  if (error instanceof CytoError) return error;
  const { code = "", message } = error as { code?: string; message: string };
  if (code.startsWith("SQLITE_IOERR_WRITE") || code.startsWith("SQLITE_IOERR_SHMSIZE")) return probe(path);
  const known = codes.find(([start]) => code.startsWith(start));
  return new CytoError(known?.[1] ?? "STORE_FAILED", `${path}: ${message.trim()}`, { cause: error, context: { code } });
};

type Prepared = ReturnType<InstanceType<typeof Libsql>["prepare"]>;

/** Lists of rows come with bare ArrayBuffers in them, single rows with Buffers and a `_metadata` that is no column. */
const plainRow = <Row>(row: Record<string, unknown>): Row => {
  delete row._metadata;
  for (const name in row) if (row[name] instanceof ArrayBuffer) row[name] = new Uint8Array(row[name]);
  return row as Row;
};

/**
 * libsql ends the process where a statement is given a bare buffer, an object or a boolean: everything goes in one array, and a
 * boolean does not fit the type.
 */
const statementOf = (prepared: Prepared, path: string): Statement => {
  const guarded = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw databaseError(error, path);
    }
  };
  return {
    run: (...values) =>
      guarded(() => {
        const { changes, lastInsertRowid } = prepared.run([...values]);
        return { changes, lastInsertRowid: Number(lastInsertRowid) };
      }),
    get: <Row>(...values: readonly SqlValue[]) =>
      guarded(() => {
        const row = prepared.get([...values]) as Record<string, unknown> | undefined;
        return row === undefined ? undefined : plainRow<Row>(row);
      }),
    all: <Row>(...values: readonly SqlValue[]) =>
      guarded(() => (prepared.all([...values]) as Record<string, unknown>[]).map(plainRow<Row>)),
  };
};

export interface ConnectionOptions {
  /** Refuses every change. */
  readonly readOnly: boolean;
}

/** How long a statement waits for another process's lock, ms. */
const busyTimeoutMs = 5000;
/** A log that has grown larger, in a burst, is cut to this when it has been written back. */
const logLimitBytes = 64 * 1024 * 1024;
const cacheKiB = 32 * 1024;

/** @throws CytoError STORE_FAILED, STORE_DAMAGED, STORE_FULL */
export const openConnection = (path: string, { readOnly }: ConnectionOptions): Connection => {
  let database: InstanceType<typeof Libsql>;
  try {
    if (!readOnly) mkdirSync(dirname(path), { recursive: true });
    database = new Libsql(path);
  } catch (error) {
    throw error instanceof Error && "errno" in error ? storeError(error, path) : databaseError(error, path);
  }
  const statements = new Map<string, Statement>();
  const exec = (text: string): void => {
    try {
      database.exec(text);
    } catch (error) {
      throw databaseError(error, path);
    }
  };
  try {
    exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    if (!readOnly) exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${logLimitBytes}`);
    exec(`PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -${cacheKiB}`);
    if (readOnly) exec("PRAGMA query_only = 1");
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    sql(text) {
      let statement = statements.get(text);
      if (statement === undefined) {
        try {
          statement = statementOf(database.prepare(text), path);
        } catch (error) {
          throw databaseError(error, path);
        }
        statements.set(text, statement);
      }
      return statement;
    },
    exec,
    get inTransaction() {
      return database.inTransaction;
    },
    close: () => void database.close(),
  };
};
