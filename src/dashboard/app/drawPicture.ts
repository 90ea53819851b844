import type { FrameHeader } from "../../publication/index.js";
import type { Settings } from "./settings.js";
import type { Taxonomy } from "./view.js";

type ListedCell = NonNullable<FrameHeader["cells"]>[number];

/** What is drawn of a field besides its picture. */
export interface DrawnHeader extends Pick<FrameHeader, "density"> {
  readonly field: Pick<FrameHeader["field"], "frame" | "width" | "height" | "umPerPixel">;
  readonly cells?: readonly ListedCell[] | undefined;
  readonly total?: number | undefined;
}

/** A field ready to draw. */
export interface Picture {
  readonly header: DrawnHeader;
  readonly image: ImageBitmap;
  readonly density: HTMLCanvasElement | undefined;
}

export interface DrawOptions {
  readonly settings: Settings;
  readonly taxonomy: Taxonomy;
  /** Device pixels per CSS pixel: lines and letters keep their size. */
  readonly pixelRatio: number;
}

/** How a class is drawn. Line, mark and letters differ, so that colour is not the only carrier. */
interface Style {
  readonly colour: string;
  readonly family: string;
  readonly letters: string;
}

interface Brush {
  readonly context: CanvasRenderingContext2D;
  /** Canvas px per px of the frame. */
  readonly scale: number;
  readonly pixelRatio: number;
}

const unknownColour = "#888888";

const styleOf = (cell: ListedCell, taxonomy: Taxonomy): Style => {
  const entry = taxonomy.get(cell.class);
  return {
    colour: entry?.colour ?? unknownColour,
    family: entry?.parent ?? cell.class,
    letters: entry?.abbreviation ?? "?",
  };
};

/** A line in colour on a casing of its opposite, so that it shows on nuclei as well as on plasma. */
const strokeCased = ({ context, pixelRatio }: Brush, style: Style): void => {
  const red = style.family === "erythrocyte";
  if (!red) {
    context.lineWidth = 5 * pixelRatio;
    context.strokeStyle = style.family === "platelet" ? "rgb(20 22 26 / 0.75)" : "rgb(255 255 255 / 0.85)";
    context.stroke();
  }
  context.lineWidth = (red ? 1.5 : 2.75) * pixelRatio;
  context.strokeStyle = style.colour;
  context.stroke();
};

const drawOutline = (brush: Brush, cell: ListedCell, style: Style): void => {
  const [left, top, right, bottom] = cell.box;
  const { context, scale } = brush;
  context.beginPath();
  context.ellipse(
    ((left + right) / 2) * scale,
    ((top + bottom) / 2) * scale,
    Math.max(0, ((right - left) / 2) * scale),
    Math.max(0, ((bottom - top) / 2) * scale),
    0,
    0,
    2 * Math.PI,
  );
  strokeCased(brush, style);
};

const drawBox = (brush: Brush, cell: ListedCell, style: Style): void => {
  const [left, top, right, bottom] = cell.box;
  brush.context.beginPath();
  brush.context.rect(left * brush.scale, top * brush.scale, (right - left) * brush.scale, (bottom - top) * brush.scale);
  strokeCased(brush, style);
};

/** Red cells: a dot. Leukocytes: a cross. Platelets: a triangle. */
const drawCentre = (brush: Brush, cell: ListedCell, style: Style): void => {
  const { context, scale, pixelRatio } = brush;
  const [x, y] = [cell.centre[0] * scale, cell.centre[1] * scale];
  const r = (style.family === "leukocyte" ? 6 : 4.5) * pixelRatio;
  context.beginPath();
  if (style.family === "erythrocyte") {
    context.arc(x, y, 2 * pixelRatio, 0, 2 * Math.PI);
    context.fillStyle = style.colour;
    context.fill();
    return;
  }
  if (style.family === "leukocyte") {
    context.moveTo(x - r, y);
    context.lineTo(x + r, y);
    context.moveTo(x, y - r);
    context.lineTo(x, y + r);
  } else {
    context.moveTo(x, y - r);
    context.lineTo(x + r * 0.87, y + r / 2);
    context.lineTo(x - r * 0.87, y + r / 2);
    context.closePath();
  }
  strokeCased(brush, style);
};

const drawLetters = ({ context, scale, pixelRatio }: Brush, cell: ListedCell, style: Style): void => {
  if (style.family === "erythrocyte") return;
  const small = style.family === "platelet";
  const size = (small ? 11 : 14) * pixelRatio;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(style.letters).width + 14 * pixelRatio;
  const height = size + 6 * pixelRatio;
  const { width: canvasWidth } = context.canvas;
  const x = Math.min(Math.max(0, cell.box[0] * scale), canvasWidth - width);
  const above = cell.box[1] * scale - height - 3 * pixelRatio;
  const y = above < 0 ? Math.max(0, cell.box[3] * scale + 3 * pixelRatio) : above;
  context.beginPath();
  context.roundRect(x, y, width, height, 4 * pixelRatio);
  context.fillStyle = "rgb(18 21 25 / 0.86)";
  context.fill();
  context.fillStyle = style.colour;
  context.fillRect(x + 3 * pixelRatio, y + 3 * pixelRatio, 3 * pixelRatio, height - 6 * pixelRatio);
  context.fillStyle = "#ffffff";
  context.textBaseline = "middle";
  context.fillText(style.letters, x + 10 * pixelRatio, y + height / 2 + pixelRatio / 2);
};

const barLengthsUm = [1, 2, 5, 10, 20, 50, 100, 200, 500];

const drawScaleBar = ({ context, scale, pixelRatio }: Brush, umPerPixel: number): void => {
  const { width, height } = context.canvas;
  const pxPerUm = scale / umPerPixel;
  const um = barLengthsUm.findLast((length) => length * pxPerUm <= width / 5) ?? barLengthsUm[0] ?? 1;
  const [margin, length, size] = [14 * pixelRatio, um * pxPerUm, 13 * pixelRatio];
  const x = width - margin - length;
  const y = height - margin;
  context.fillStyle = "rgb(18 21 25 / 0.72)";
  context.beginPath();
  context.roundRect(
    x - 8 * pixelRatio,
    y - size - 13 * pixelRatio,
    length + 16 * pixelRatio,
    size + 19 * pixelRatio,
    5,
  );
  context.fill();
  context.fillStyle = "#ffffff";
  context.fillRect(x, y - 3 * pixelRatio, length, 3 * pixelRatio);
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "alphabetic";
  context.textAlign = "center";
  context.fillText(`${um} \u00b5m`, x + length / 2, y - 8 * pixelRatio);
  context.textAlign = "start";
};

/** Draws the field and what is known of it over the whole canvas. */
export const drawPicture = (canvas: HTMLCanvasElement, picture: Picture, options: DrawOptions): void => {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { header, image, density } = picture;
  const { settings, taxonomy, pixelRatio } = options;
  const brush: Brush = { context, scale: canvas.width / header.field.width, pixelRatio };
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  if (settings.density && density !== undefined && header.density !== undefined) {
    const side = header.density.framePixelsPerMapPixel * brush.scale;
    context.drawImage(density, 0, 0, density.width * side, density.height * side);
  }
  for (const cell of [...(header.cells ?? [])].reverse()) {
    const style = styleOf(cell, taxonomy);
    if (settings.outlines) drawOutline(brush, cell, style);
    if (settings.boxes) drawBox(brush, cell, style);
    if (settings.centres) drawCentre(brush, cell, style);
  }
  if (settings.letters) for (const cell of header.cells ?? []) drawLetters(brush, cell, styleOf(cell, taxonomy));
  if (header.field.umPerPixel !== null) drawScaleBar(brush, header.field.umPerPixel);
};
