/** What outlives the process: durable files, journals, the database, and where they lie. */
export { type BackupReport, backUp, type RestoreReport, restore } from "./backup.js";
export type { Connection, SqlValue, Statement } from "./connection.js";
export { type Database, type DatabaseOptions, openDatabase } from "./database.js";
export { storeError, syncDirectory, writeFileDurably } from "./durableFile.js";
export { type Journal, openJournal, readJournal } from "./journal.js";
export { type LaboratoryPaths, laboratoryPaths } from "./laboratory.js";
export { type DirectoryHolder, type DirectoryLock, directoryHolder, lockDirectory } from "./lock.js";
export type { DatabaseModule, DatabaseProgram, Procedures } from "./program.js";
