import { parentPort, workerData } from "node:worker_threads";
import { CytoError } from "../core/index.js";
import { type Connection, databaseError, openConnection } from "./connection.js";
import { checkIntegrity, migrate, schemaVersion } from "./migrate.js";
import type {
  Call,
  DatabaseModule,
  DatabaseProgram,
  DatabaseWorkerData,
  Outcome,
  PlainError,
  Procedures,
  Request,
  Response,
} from "./program.js";

/** Entry of the thread that holds the database. */

const { path, module, readOnly } = workerData as DatabaseWorkerData;
const port = parentPort!;

const plain = (error: unknown): PlainError => {
  const { code, message, context } = databaseError(error, path);
  return { code, message, context: structuredClone({ ...context }) };
};

/** Faults of the disk or the file: what was begun is lost as a whole. */
const fatal = new Set(["STORE_FULL", "STORE_FAILED", "STORE_DAMAGED", "STORE_BUSY"]);

class DatabaseThread {
  readonly #connection: Connection;
  readonly #program: DatabaseProgram;

  constructor(connection: Connection, { openProgram }: DatabaseModule) {
    this.#connection = connection;
    this.#program = openProgram(connection);
  }

  answer({ kind, calls }: Request): Outcome[] {
    switch (kind) {
      case "read":
        return calls.map((call) => this.#attempt(this.#program.reads, call));
      case "write":
        return this.#write(calls);
      case "check":
        return [
          this.#attempt({ check: () => checkIntegrity(this.#connection, path) }, { name: "check", argument: null }),
        ];
      case "close":
        this.#connection.close();
        return [{ value: undefined }];
    }
  }

  #attempt(procedures: Procedures, { name, argument }: Call): Outcome {
    try {
      const procedure = procedures[name];
      if (procedure === undefined) throw new CytoError("INTERNAL", `the database has no procedure ${name}`);
      return { value: procedure(argument) };
    } catch (error) {
      return { error: plain(error) };
    }
  }

  /** All calls in one transaction, so that one sync of the disk serves them all. */
  #write(calls: readonly Call[]): Outcome[] {
    const connection = this.#connection;
    try {
      connection.exec("BEGIN IMMEDIATE");
      const outcomes = calls.map((call) => this.#writeOne(call));
      connection.exec("COMMIT");
      return outcomes;
    } catch (error) {
      if (connection.inTransaction) connection.exec("ROLLBACK");
      this.#program.forget?.();
      const failed = plain(error);
      return calls.map(() => ({ error: failed }));
    }
  }

  #writeOne(call: Call): Outcome {
    const connection = this.#connection;
    connection.exec("SAVEPOINT one");
    const outcome = this.#attempt(this.#program.writes, call);
    if ("error" in outcome) {
      const { code, message, context } = outcome.error;
      if (fatal.has(code)) throw new CytoError(code as "STORE_FAILED", message, { context });
      connection.exec("ROLLBACK TO one");
      this.#program.forget?.();
    }
    connection.exec("RELEASE one");
    return outcome;
  }
}

const open = async (): Promise<DatabaseThread> => {
  const program = (await import(module)) as DatabaseModule;
  const connection = openConnection(path, { readOnly });
  try {
    if (!readOnly) migrate(connection, path, program.migrations);
    const version = schemaVersion(connection);
    if (version > program.migrations.length)
      throw new CytoError("STORE_NEWER", `${path} has version ${version}, newer than this program`);
    if (version < program.migrations.length)
      throw new CytoError(
        "STORE_FAILED",
        `${path} has version ${version}, and whoever holds it has to bring it up to date`,
      );
    return new DatabaseThread(connection, program);
  } catch (error) {
    connection.close();
    throw error;
  }
};

const send = (response: Response): void => port.postMessage(response);

try {
  const thread = await open();
  port.on("message", (request: Request) => {
    send({ id: request.id, outcomes: thread.answer(request) });
    if (request.kind === "close") port.close();
  });
  send({ id: 0, outcomes: [{ value: undefined }] });
} catch (error) {
  send({ id: 0, outcomes: [{ error: plain(error) }] });
  port.close();
}
