import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import sharp from "sharp";
import { CytoError } from "../../core/index.js";
import { formatFigure } from "./progress.js";
import { textPath, textWidth } from "./strokeFont.js";

/** A curve of a plot. */
export interface PlotSeries {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Draws the points faintly and a running mean over this many on top. Default 1: no mean. */
  readonly smoothOver?: number;
}

export interface PlotOptions {
  readonly title?: string;
  /** Default `step`. */
  readonly xLabel?: string;
  /** Default true where all values are over 0. */
  readonly logarithmic?: boolean;
  readonly widthPx?: number;
  readonly heightPx?: number;
}

/** Told apart by people with red-green blindness (Okabe and Ito). */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
const textSize = 11;
const mostPoints = 1500;

interface Axis {
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  /** Data to px. */
  readonly place: (value: number) => number;
}

const niceStep = (range: number, count: number): number => {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
};

const linearAxis = (low: number, high: number, [from, to]: readonly [number, number]): Axis => {
  const range = high > low ? high - low : Math.abs(high) || 1;
  const step = niceStep(range, 6);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= low + range + step * 1e-6; at += step)
    ticks.push({ at, label: formatFigure(Math.abs(at) < step / 1e6 ? 0 : at) });
  return { ticks, place: (value) => from + ((value - low) / range) * (to - from) };
};

const logarithmicAxis = (low: number, high: number, span: readonly [number, number]): Axis => {
  const { place } = linearAxis(Math.log10(low), Math.log10(high), span);
  const decades = Math.log10(high / low);
  const factors = decades > 4 ? [1] : decades > 1.5 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of factors) {
      const at = factor * 10 ** power;
      if (at >= low * 0.999 && at <= high * 1.001) ticks.push({ at, label: formatFigure(at) });
    }
  }
  return { ticks, place: (value) => place(Math.log10(value)) };
};

/** The mean of the `over` points around each, fewer at the ends. */
const runningMean = (points: PlotSeries["points"], over: number): PlotSeries["points"] => {
  const half = Math.floor(over / 2);
  const sums = new Float64Array(points.length + 1);
  points.forEach(([, y], index) => {
    sums[index + 1] = sums[index]! + y;
  });
  return points.map(([x], index) => {
    const [from, to] = [Math.max(index - half, 0), Math.min(index + half + 1, points.length)];
    return [x, (sums[to]! - sums[from]!) / (to - from)] as const;
  });
};

/** At most `mostPoints` of the points, the mean of each group standing for it. */
const thinned = (points: PlotSeries["points"]): PlotSeries["points"] => {
  const group = Math.ceil(points.length / mostPoints);
  if (group <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / group) }, (_, index) => {
    const part = points.slice(index * group, (index + 1) * group);
    const mean = (of: 0 | 1): number => part.reduce((sum, point) => sum + point[of], 0) / part.length;
    return [mean(0), mean(1)] as const;
  });
};

const polyline = (points: PlotSeries["points"], x: Axis, y: Axis): string =>
  points.map(([px, py], at) => `${at === 0 ? "M" : "L"}${x.place(px).toFixed(1)} ${y.place(py).toFixed(1)}`).join("");

const stroke = (path: string, colour: string, width: number, opacity = 1): string =>
  `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-opacity="${opacity}" stroke-linejoin="round" stroke-linecap="round"/>`;

const text = (content: string, x: number, y: number, anchor: "start" | "middle" | "end" = "start"): string => {
  const width = textWidth(content, textSize);
  const left = anchor === "start" ? x : anchor === "middle" ? x - width / 2 : x - width;
  return stroke(textPath(content, left, y, textSize), "#222222", 1.3);
};

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const grid = ({ left, right, top, bottom }: Frame, x: Axis, y: Axis): string => {
  const parts: string[] = [];
  for (const { at, label } of y.ticks) {
    const py = y.place(at).toFixed(1);
    parts.push(
      stroke(`M${left} ${py}H${right}`, "#dddddd", 1),
      text(label, left - 8, Number(py) + textSize / 2, "end"),
    );
  }
  for (const { at, label } of x.ticks) {
    const px = x.place(at);
    parts.push(stroke(`M${px.toFixed(1)} ${top}V${bottom}`, "#eeeeee", 1));
    parts.push(text(label, px, bottom + 8 + textSize, "middle"));
  }
  parts.push(stroke(`M${left} ${top}V${bottom}H${right}`, "#222222", 1.2));
  return parts.join("");
};

const legend = (series: readonly PlotSeries[], { right, top }: Frame): string => {
  const width = Math.max(...series.map(({ name }) => textWidth(name, textSize))) + 46;
  const height = series.length * 20 + 10;
  const left = right - width - 8;
  const box = `<rect x="${left}" y="${top + 8}" width="${width}" height="${height}" fill="#ffffff" fill-opacity="0.85" stroke="#cccccc"/>`;
  const rows = series.map(({ name }, index) => {
    const y = top + 23 + index * 20;
    const line = stroke(`M${left + 8} ${y}H${left + 30}`, colours[index % colours.length]!, 2.5);
    return line + text(name, left + 38, y + textSize / 2);
  });
  return box + rows.join("");
};

const rangeOf = (values: readonly number[]): readonly [number, number] =>
  values.reduce<readonly [number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );

/** Curves as an SVG picture with axes and legend. Points that are not finite are left out. */
export const plotSvg = (series: readonly PlotSeries[], options: PlotOptions = {}): string => {
  const { widthPx = 960, heightPx = 540, title, xLabel = "step" } = options;
  const clean = series.map((one) => ({ ...one, points: one.points.filter((point) => point.every(Number.isFinite)) }));
  const drawn = clean.map((one) => ({ ...one, points: thinned(one.points) }));
  const points = drawn.flatMap((one) => one.points);
  const [lowX, highX] = points.length > 0 ? rangeOf(points.map(([x]) => x)) : [0, 1];
  const [lowY, highY] = points.length > 0 ? rangeOf(points.map(([, y]) => y)) : [0, 1];
  const logarithmic = (options.logarithmic ?? true) && lowY > 0 && highY > lowY;
  const frame: Frame = { left: 90, right: widthPx - 24, top: title ? 44 : 20, bottom: heightPx - 56 };
  const x = linearAxis(lowX, highX, [frame.left, frame.right]);
  const span = [frame.bottom, frame.top] as const;
  const y = logarithmic ? logarithmicAxis(lowY, highY, span) : linearAxis(lowY, highY, span);
  const curves = drawn.map(({ points: all, smoothOver = 1 }, index) => {
    const colour = colours[index % colours.length]!;
    if (smoothOver <= 1) return stroke(polyline(all, x, y), colour, 1.8);
    const mean = thinned(runningMean(clean[index]!.points, smoothOver));
    return stroke(polyline(all, x, y), colour, 0.8, 0.3) + stroke(polyline(mean, x, y), colour, 2);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}">`,
    `<rect width="${widthPx}" height="${heightPx}" fill="#ffffff"/>`,
    grid(frame, x, y),
    ...curves,
    title ? text(title, frame.left, 28) : "",
    text(`${xLabel}${logarithmic ? "  (logarithmic)" : ""}`, (frame.left + frame.right) / 2, heightPx - 12, "middle"),
    series.length > 0 ? legend(series, frame) : "",
    "</svg>",
  ].join("\n");
};

/**
 * Writes curves as a picture: PNG, or SVG where the path ends in `.svg`.
 * @throws CytoError OUTPUT_FAILED where the file cannot be written
 */
export const writeLossPlot = async (
  path: string,
  series: readonly PlotSeries[],
  options: PlotOptions = {},
): Promise<void> => {
  const svg = Buffer.from(plotSvg(series, options));
  const picture = extname(path).toLowerCase() === ".svg" ? svg : await sharp(svg).png().toBuffer();
  try {
    await writeFile(path, picture);
  } catch (error) {
    throw new CytoError("OUTPUT_FAILED", `${path} cannot be written`, { cause: error, context: { path } });
  }
};
