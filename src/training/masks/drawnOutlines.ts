import { type CellClass, densityClassOf, type Random } from "../../core/index.js";
import { type CellPatch, tightPatch } from "./cellPatch.js";
import { gradientPlane } from "./gradient.js";
import { body, nucleus, outside } from "./outline.js";

/** A closed curve about the origin, mean radius 1: its radius at an angle. */
type Curve = (angle: number) => number;

/** A circle with waves of two to five periods around it, `strength` of its radius in all. */
const drawCurve = (random: Random, strength: number): Curve => {
  const waves = [2, 3, 4, 5].map((periods) => ({
    periods,
    height: (strength * random.normal()) / periods,
    phase: 2 * Math.PI * random.next(),
  }));
  return (angle) =>
    waves.reduce((sum, { periods, height, phase }) => sum + height * Math.cos(periods * angle + phase), 1);
};

interface Lobe {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly curve: Curve;
}

/** Number of lobes of a nucleus, and how much of its cell's diameter one is across. */
const nuclei: Partial<Record<CellClass, { readonly lobes: readonly number[]; readonly size: number }>> = {
  neutrophil: { lobes: [2, 3, 4], size: 0.36 },
  eosinophil: { lobes: [2], size: 0.42 },
  basophil: { lobes: [2, 3], size: 0.5 },
  monocyte: { lobes: [2], size: 0.55 },
  lymphocyte: { lobes: [1], size: 0.85 },
  erythroblast: { lobes: [1], size: 0.6 },
};
const roundNucleus = { lobes: [1], size: 0.7 };

const drawLobes = (cellClass: CellClass, random: Random): readonly Lobe[] => {
  if (densityClassOf(cellClass) !== "leukocyte") return [];
  const { lobes, size } = nuclei[cellClass] ?? roundNucleus;
  const count = lobes[random.int(lobes.length)]!;
  const start = 2 * Math.PI * random.next();
  const ring = count === 1 ? 0.6 * (1 - size) * random.next() : 0.85 * (1 - size);
  return Array.from({ length: count }, (_, index) => {
    const angle = start + (index * 2 * Math.PI) / Math.max(count + 0.6, 2.6);
    return { x: ring * Math.cos(angle), y: ring * Math.sin(angle), radius: size, curve: drawCurve(random, 0.1) };
  });
};

const isIn = (x: number, y: number, curve: Curve): boolean => Math.hypot(x, y) <= curve(Math.atan2(y, x));

/** Levels that stand for background, cell and nucleus where edges are worked out of drawn outlines. */
const levels = [255, 175, 75] as const;

/** Mean over three by three pixels, what is beyond the border left out. */
const soften = (values: Uint8Array, width: number, height: number): Uint8Array =>
  values.map((_, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    let [sum, count] = [0, 0];
    for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++) {
      for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
        sum += values[row * width + column]!;
        count++;
      }
    }
    return sum / count;
  });

export interface DrawnShape {
  readonly cellClass: CellClass;
  /** sqrt(width x height), in red cells' diameters. */
  readonly diameter: number;
  /** Logarithm of the longer over the shorter side. */
  readonly elongation: number;
  /** px. */
  readonly redCellPx: number;
}

/** A cell drawn by no example: an ellipse with waves around it, the nucleus of its class in lobes, edges where these end. */
export const drawPatch = ({ cellClass, diameter, elongation, redCellPx }: DrawnShape, random: Random): CellPatch => {
  const radius = (diameter * redCellPx) / 2;
  const [longer, shorter] = [radius * Math.exp(elongation / 2), radius * Math.exp(-elongation / 2)];
  const curve = drawCurve(random, 0.05);
  const lobes = drawLobes(cellClass, random);
  const [width, height] = [Math.ceil(2.5 * longer) + 2, Math.ceil(2.5 * shorter) + 2];
  const parts = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const v = (y + 0.5 - height / 2) / shorter;
    for (let x = 0; x < width; x++, at++) {
      const u = (x + 0.5 - width / 2) / longer;
      if (!isIn(u, v, curve)) continue;
      const inNucleus = lobes.some((lobe) => isIn((u - lobe.x) / lobe.radius, (v - lobe.y) / lobe.radius, lobe.curve));
      parts[at] = inNucleus ? nucleus : body;
    }
  }
  // The smallest platelet is a pixel all the same.
  if (parts.every((part) => part === outside)) parts[(height >> 1) * width + (width >> 1)] = body;
  const drawn = parts.map((part) => levels[part as 0 | 1 | 2]);
  const plane = { width, height, values: soften(drawn, width, height) };
  const slopes = gradientPlane(plane, { contrast: levels[outside] - levels[nucleus], redCellPx }).values;
  const edges = slopes.map((value, at) => (parts[at] === outside ? 0 : value));
  return tightPatch({ cellClass, width, height, parts, edges, redCellPx });
};
