/** Labelled fields: what a laboratory has corrected, how it is handed in, kept, and asked for. */
export * from "./desk.js";
export * from "./fieldRecord.js";
export { type ExportReport, type ExportRequest, exportLabels } from "./formats/exportLabels.js";
export { type ImportFault, type LabelFormat, labelFormats } from "./formats/format.js";
export { type ImportReport, type ImportRequest, importLabels, type LabelIntake } from "./formats/importLabels.js";
export { type LabelDatabase, type OpenLabelDesk, openLabelDatabase, openLabelDesk } from "./labelDesk.js";
export { measureDoubt } from "./learning.js";
export { pictureFile } from "./pictureFiles.js";
export { labelLimits, parseLabel } from "./validation.js";
