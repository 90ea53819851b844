/** A scan as a durable object: its folder, its journal, what can be made from them. */
export { fieldSizeOf, ScanCourse } from "./course.js";
export {
  countedFieldOf,
  type FieldEntry,
  packCells,
  type ScanEntry,
  type ScanHeader,
  type StateEntry,
  unpackCell,
} from "./entries.js";
export { exportScan, type ScanExport } from "./exportScan.js";
export {
  createScan,
  listScans,
  newScanId,
  openScanJournal,
  readCoarsePicture,
  readHeader,
  readPicture,
  readRecord,
  readScan,
  replay,
  type ScanFolder,
  type ScanPaths,
  scanFolder,
  scanNotFound,
  writeSummary,
} from "./folder.js";
export { cutOut, galleryOf } from "./gallery.js";
export { keptSizeOf, Mosaic } from "./mosaic.js";
