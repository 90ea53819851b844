/** What outlives the process: durable files, journals, the database, and where they lie. */
export { storeError, syncDirectory, writeFileDurably } from "./durableFile.js";
export { type Journal, openJournal, readJournal } from "./journal.js";
export { type LaboratoryPaths, laboratoryPaths } from "./laboratory.js";
