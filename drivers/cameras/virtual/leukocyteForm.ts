import type { LeukocyteClass, Random } from "../../../src/core/index.js";
import type { PlaceUm } from "./cells.js";
import {
  cytoplasmOf,
  type GranuleLook,
  granulesOf,
  type NucleusLook,
  nucleusLookOf,
  type Rgb,
} from "./leukocyteLook.js";

/** A rounded stroke of the nucleus, um from the cell's centre. */
export interface NucleusStroke {
  readonly from: PlaceUm;
  readonly to: PlaceUm;
  readonly radiusUm: number;
}

/** A granule or vacuole, um from the cell's centre. */
export interface Dot extends PlaceUm {
  readonly radiusUm: number;
  /** How much it covers what lies below, 0 to 1. */
  readonly strength: number;
  readonly colour: Rgb;
}

/** All that the painting of a leukocyte needs besides its outline. */
export interface LeukocyteForm {
  readonly cytoplasm: Rgb;
  readonly cytoplasmPatches: Rgb;
  /** The nucleus is the union of these, joined smoothly. */
  readonly nucleus: readonly NucleusStroke[];
  /** Notches taken out of the nucleus. */
  readonly notches: readonly NucleusStroke[];
  readonly nucleusLook: NucleusLook;
  readonly granulesBelowNucleus: readonly Dot[];
  readonly granulesAboveNucleus: readonly Dot[];
  readonly vacuoles: readonly Dot[];
  readonly textureSeed: number;
}

const polar = (radius: number, angle: number): PlaceUm => ({
  x: radius * Math.cos(angle),
  y: radius * Math.sin(angle),
});

const spot = (at: PlaceUm, radiusUm: number): NucleusStroke => ({ from: at, to: at, radiusUm });

const between = (random: Random, low: number, high: number): number => low + (high - low) * random.next();

interface ArcShape {
  /** Radius of the arc's line, its half width and its length in radians; lengths um. */
  readonly arcUm: number;
  readonly widthUm: number;
  readonly span: number;
}

/** A bent rod: a band, a kidney. */
const bentRod = (random: Random, shape: ArcShape): NucleusStroke[] => {
  const steps = 5;
  const start = random.next() * 2 * Math.PI;
  const shift = polar(shape.arcUm * 0.55 * Math.max(0, 1 - shape.span / Math.PI), start + shape.span / 2 + Math.PI);
  const points = Array.from({ length: steps + 1 }, (_, k) => {
    const point = polar(shape.arcUm * between(random, 0.92, 1.08), start + (shape.span * k) / steps);
    return { x: point.x + shift.x, y: point.y + shift.y };
  });
  return points.slice(1).map((to, k) => ({
    from: points[k]!,
    to,
    radiusUm: shape.widthUm * between(random, 0.88, 1.12),
  }));
};

interface LobeShape {
  readonly lobes: number;
  readonly arcUm: number;
  readonly radiusUm: number;
  readonly span: number;
  readonly bridgeUm: number;
}

/** Lobes along an arc, joined by thin bridges. */
const lobedNucleus = (random: Random, shape: LobeShape): NucleusStroke[] => {
  const start = random.next() * 2 * Math.PI;
  const strokes: NucleusStroke[] = [];
  let last: PlaceUm | undefined;
  for (let k = 0; k < shape.lobes; k++) {
    const turn = shape.lobes > 1 ? (shape.span * k) / (shape.lobes - 1) : 0;
    const middle = polar(shape.arcUm * between(random, 0.8, 1.15), start + turn + 0.15 * random.normal());
    const radiusUm = shape.radiusUm * between(random, 0.84, 1.14);
    const half = polar(radiusUm * between(random, 0.25, 0.65), start + turn + Math.PI / 2 + 0.5 * random.normal());
    strokes.push({
      from: { x: middle.x - half.x, y: middle.y - half.y },
      to: { x: middle.x + half.x, y: middle.y + half.y },
      radiusUm,
    });
    if (last) strokes.push({ from: last, to: middle, radiusUm: shape.bridgeUm });
    last = middle;
  }
  return strokes;
};

const segmentedLobes = (random: Random): LobeShape & { readonly relative: true } => {
  const kind = random.next();
  const lobes = kind < 0.2 ? 2 : kind < 0.65 ? 3 : kind < 0.92 ? 4 : 5;
  const radii = [0.33, 0.29, 0.25, 0.22] as const;
  const spans = [1.9, 3.1, 4.0, 4.6] as const;
  return {
    lobes,
    arcUm: 0.46,
    radiusUm: radii[lobes - 2]!,
    span: spans[lobes - 2]!,
    bridgeUm: 0.1,
    relative: true,
  };
};

const scaledLobes = (shape: LobeShape, cellUm: number): LobeShape => ({
  ...shape,
  arcUm: shape.arcUm * cellUm,
  radiusUm: shape.radiusUm * cellUm,
  bridgeUm: shape.bridgeUm * cellUm,
});

interface NucleusForm {
  readonly strokes: readonly NucleusStroke[];
  readonly notches: readonly NucleusStroke[];
}

const ovalNucleus = (random: Random, shape: { radiusUm: number; offsetUm: number; lengthUm: number }): NucleusForm => {
  const middle = polar(shape.offsetUm, random.next() * 2 * Math.PI);
  const half = polar(shape.lengthUm / 2, random.next() * Math.PI);
  const stroke: NucleusStroke = {
    from: { x: middle.x - half.x, y: middle.y - half.y },
    to: { x: middle.x + half.x, y: middle.y + half.y },
    radiusUm: shape.radiusUm,
  };
  return { strokes: [stroke], notches: [] };
};

const notchOf = (random: Random, form: NucleusForm, radiusUm: number): NucleusForm => {
  const body = form.strokes[0]!;
  const angle = random.next() * 2 * Math.PI;
  const away = polar(body.radiusUm * 1.05, angle);
  const middle = { x: (body.from.x + body.to.x) / 2 + away.x, y: (body.from.y + body.to.y) / 2 + away.y };
  return { strokes: form.strokes, notches: [spot(middle, radiusUm)] };
};

/** The nucleus of a kind in a cell of mean radius `cellUm`. */
const nucleusForms: Readonly<Record<LeukocyteClass, (random: Random, cellUm: number) => NucleusForm>> = {
  neutrophil: (random, cellUm) => ({
    strokes:
      random.next() < 0.13
        ? bentRod(random, { arcUm: 0.47 * cellUm, widthUm: 0.25 * cellUm, span: between(random, 2.4, 3.8) })
        : lobedNucleus(random, scaledLobes(segmentedLobes(random), cellUm)),
    notches: [],
  }),
  eosinophil: (random, cellUm) => {
    const lobes = random.next() < 0.82 ? 2 : 3;
    const shape = {
      lobes,
      arcUm: 0.5,
      radiusUm: lobes === 2 ? 0.31 : 0.25,
      span: lobes === 2 ? 2 : 2.9,
      bridgeUm: 0.1,
    };
    return { strokes: lobedNucleus(random, scaledLobes(shape, cellUm)), notches: [] };
  },
  basophil: (random, cellUm) => {
    const shape = {
      lobes: 2 + random.int(2),
      arcUm: 0.32,
      radiusUm: 0.4,
      span: between(random, 1.8, 3),
      bridgeUm: 0.2,
    };
    return { strokes: lobedNucleus(random, scaledLobes(shape, cellUm)), notches: [] };
  },
  lymphocyte: (random, cellUm) => {
    const radiusUm = between(random, 0.8, 0.9) * cellUm;
    const offsetUm = Math.max(0, 0.92 * cellUm - radiusUm) * random.next();
    const round = ovalNucleus(random, { radiusUm, offsetUm, lengthUm: 0.12 * cellUm });
    return random.next() < 0.25 ? notchOf(random, round, 0.18 * cellUm) : round;
  },
  monocyte: (random, cellUm) => ({
    strokes: bentRod(random, {
      arcUm: 0.4 * cellUm,
      widthUm: between(random, 0.37, 0.43) * cellUm,
      span: between(random, 2.1, 3.3),
    }),
    notches: [],
  }),
  "immature-granulocyte": (random, cellUm) => {
    const stage = random.next();
    if (stage < 0.3) {
      const strokes = bentRod(random, {
        arcUm: 0.36 * cellUm,
        widthUm: 0.42 * cellUm,
        span: between(random, 1.5, 2.1),
      });
      return { strokes, notches: [] };
    }
    const radiusUm = between(random, 0.6, 0.72) * cellUm;
    return ovalNucleus(random, { radiusUm, offsetUm: 0.18 * cellUm, lengthUm: between(random, 0.1, 0.35) * cellUm });
  },
  erythroblast: (random, cellUm) =>
    ovalNucleus(random, {
      radiusUm: between(random, 0.5, 0.62) * cellUm,
      offsetUm: between(random, 0, 0.18) * cellUm,
      lengthUm: 0.08 * cellUm,
    }),
};

/** Dots spread over the cell's disc, evenly by area; `within` is the furthest from the centre relative to the cell. */
const spreadDots = (random: Random, look: GranuleLook, cellUm: number): Dot[] => {
  const count = Math.round(look.perUm2 * Math.PI * cellUm * cellUm * between(random, 0.8, 1.2));
  return Array.from({ length: count }, () => {
    const place = polar(look.within * cellUm * Math.sqrt(random.next()), random.next() * 2 * Math.PI);
    return {
      ...place,
      radiusUm: look.radiusUm * between(random, 0.75, 1.3),
      strength: look.strength * between(random, 0.6, 1),
      colour: look.colours[random.int(look.colours.length)]!,
    };
  });
};

/** Draws the form of a leukocyte of that kind and mean radius. */
export const drawLeukocyteForm = (random: Random, cellClass: LeukocyteClass, cellUm: number): LeukocyteForm => {
  const nucleus = nucleusForms[cellClass](random, cellUm);
  const granules = granulesOf(cellClass, random);
  const cytoplasm = cytoplasmOf(cellClass, random);
  return {
    cytoplasm: cytoplasm.colour,
    cytoplasmPatches: cytoplasm.patches,
    nucleus: nucleus.strokes,
    notches: nucleus.notches,
    nucleusLook: nucleusLookOf(cellClass, random),
    granulesBelowNucleus: granules.below.flatMap((look) => spreadDots(random, look, cellUm)),
    granulesAboveNucleus: granules.above.flatMap((look) => spreadDots(random, look, cellUm)),
    vacuoles: granules.vacuoles.flatMap((look) => spreadDots(random, look, cellUm)),
    textureSeed: random.int(0x1_0000_0000),
  };
};
