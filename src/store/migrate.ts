import { existsSync, renameSync, rmSync } from "node:fs";
import { CytoError } from "../core/index.js";
import { type Connection, openConnection } from "./connection.js";

/** Tells our databases from others' ("CYTO"). */
const applicationId = 0x4359544f;

/** Version of the schema that a database has: how many migrations it has been through. */
export const schemaVersion = (connection: Connection): number =>
  connection.sql("PRAGMA user_version").get<{ user_version: number }>()!.user_version;

/** A copy of a database in one file, as it was at one moment, while others write. @throws CytoError STORE_FULL, STORE_FAILED */
export const copyDatabase = (path: string, target: string): void => {
  const staged = `${target}.new`;
  rmSync(staged, { force: true });
  const connection = openConnection(path, { readOnly: false });
  try {
    connection.sql("VACUUM INTO ?").run(staged);
  } catch (error) {
    rmSync(staged, { force: true });
    throw error;
  } finally {
    connection.close();
  }
  renameSync(staged, target);
};

/** @throws CytoError STORE_DAMAGED where SQLite finds anything wrong */
export const checkIntegrity = (connection: Connection, path: string): void => {
  const found = connection.sql("PRAGMA integrity_check(5)").all<{ integrity_check: string }>();
  const faults = found.map((row) => row.integrity_check).filter((text) => text !== "ok");
  if (faults.length > 0) throw new CytoError("STORE_DAMAGED", `${path}: ${faults.join("; ")}`);
};

/** Where the copy of a database lies that was taken before it was brought to a newer version. */
const copyBefore = (path: string, version: number): string => {
  for (let number = 0; ; number++) {
    const name = `${path}.before-${version + 1}${number === 0 ? "" : `.${number}`}`;
    if (!existsSync(name)) return name;
  }
};

/**
 * Brings a database to the newest version, each step whole or not at all. Of an older one that is not empty a copy is kept
 * beside it.
 * @throws CytoError STORE_NEWER, STORE_DAMAGED, STORE_FULL, STORE_FAILED
 */
export const migrate = (connection: Connection, path: string, migrations: readonly string[]): void => {
  const version = schemaVersion(connection);
  if (version > migrations.length)
    throw new CytoError("STORE_NEWER", `${path} has version ${version}, this program knows ${migrations.length}`);
  if (version === migrations.length) return;
  if (version > 0) {
    checkIntegrity(connection, path);
    copyDatabase(path, copyBefore(path, version));
  }
  for (let next = version; next < migrations.length; next++) {
    connection.exec("BEGIN IMMEDIATE");
    try {
      connection.exec(migrations[next]!);
      connection.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${next + 1}`);
      connection.exec("COMMIT");
    } catch (error) {
      if (connection.inTransaction) connection.exec("ROLLBACK");
      throw error;
    }
  }
};
