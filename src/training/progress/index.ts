/** What a training shows of itself: progress on a terminal or as JSON lines, curves as pictures. */
export { type PlotOptions, type PlotSeries, plotSvg, writeLossPlot } from "./lossPlot.js";
export {
  createProgress,
  formatDuration,
  formatFigure,
  type Progress,
  type ProgressOptions,
  type ProgressReport,
  type ProgressStream,
} from "./progress.js";
export { textPath, textWidth } from "./strokeFont.js";
