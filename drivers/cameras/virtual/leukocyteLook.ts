import type { LeukocyteClass, Random } from "../../../src/core/index.js";

/** sRGB, 0 to 255, as seen against the white of the reference light. */
export type Rgb = readonly [number, number, number];

/** The white of the reference light: the empty glass of the collection of Acevedo et al. (Data in Brief 30:105474, 2020). */
export const referenceWhite: Rgb = [254, 227, 202];

/** How the chromatin of a nucleus looks. */
export interface NucleusLook {
  readonly dark: Rgb;
  readonly light: Rgb;
  /** Share of light between the dark strands: shifts the mixture from dark (0) to light (1). */
  readonly openness: number;
  readonly contrast: number;
  /** Size of the larger clumps, um. */
  readonly clumpUm: number;
}

export interface GranuleLook {
  readonly perUm2: number;
  readonly radiusUm: number;
  readonly strength: number;
  /** Furthest place from the centre, relative to the cell's radius. */
  readonly within: number;
  readonly colours: readonly Rgb[];
}

export interface GranuleSets {
  readonly below: readonly GranuleLook[];
  readonly above: readonly GranuleLook[];
  readonly vacuoles: readonly GranuleLook[];
}

/*
 * The colours are medians of the labelled cells of that collection (May-Gruenwald-Giemsa), taken at ranks of green inside
 * the cells' ellipses: the dark end is chromatin, the bright end cytoplasm.
 */
const nuclei: Readonly<Record<LeukocyteClass, NucleusLook>> = {
  neutrophil: { dark: [63, 18, 134], light: [136, 88, 150], openness: 0.17, contrast: 1.25, clumpUm: 1.1 },
  eosinophil: { dark: [67, 20, 138], light: [144, 98, 154], openness: 0.22, contrast: 1.25, clumpUm: 1.1 },
  basophil: { dark: [66, 17, 131], light: [146, 94, 150], openness: 0.3, contrast: 1.3, clumpUm: 0.9 },
  lymphocyte: { dark: [63, 18, 132], light: [138, 90, 146], openness: 0.27, contrast: 1.25, clumpUm: 1.2 },
  monocyte: { dark: [80, 22, 142], light: [164, 118, 158], openness: 0.36, contrast: 1.25, clumpUm: 0.9 },
  "immature-granulocyte": { dark: [71, 19, 137], light: [160, 110, 156], openness: 0.32, contrast: 1.35, clumpUm: 0.7 },
  erythroblast: { dark: [59, 18, 126], light: [150, 110, 150], openness: 0.02, contrast: 1.0, clumpUm: 1.3 },
};

interface CytoplasmLook {
  readonly colour: Rgb;
  readonly patches: Rgb;
}

const cytoplasms: Readonly<Record<LeukocyteClass, CytoplasmLook>> = {
  neutrophil: { colour: [213, 176, 178], patches: [196, 156, 172] },
  eosinophil: { colour: [190, 130, 150], patches: [176, 120, 155] },
  basophil: { colour: [172, 128, 162], patches: [142, 92, 148] },
  lymphocyte: { colour: [152, 130, 174], patches: [110, 78, 156] },
  monocyte: { colour: [178, 158, 181], patches: [160, 132, 172] },
  "immature-granulocyte": { colour: [182, 152, 175], patches: [150, 112, 164] },
  erythroblast: { colour: [163, 137, 169], patches: [146, 117, 162] },
};

const violetGranule: Rgb = [146, 80, 156];
const pinkGranule: Rgb = [184, 118, 152];
const paleGap: Rgb = [230, 200, 192];

const eosinophilGranules: readonly Rgb[] = [
  [172, 94, 132],
  [188, 110, 130],
  [158, 80, 136],
  [206, 146, 152],
];

const basophilGranules: readonly Rgb[] = [
  [62, 14, 130],
  [76, 22, 130],
  [96, 26, 128],
];

const promyelocyteGranules: readonly Rgb[] = [
  [80, 22, 142],
  [110, 38, 150],
  [136, 52, 148],
];

const byClass: Readonly<Record<LeukocyteClass, GranuleSets>> = {
  neutrophil: {
    below: [
      { perUm2: 1.8, radiusUm: 0.15, strength: 0.7, within: 0.95, colours: [violetGranule, pinkGranule, paleGap] },
    ],
    above: [],
    vacuoles: [],
  },
  eosinophil: {
    below: [{ perUm2: 3.6, radiusUm: 0.27, strength: 0.92, within: 0.97, colours: eosinophilGranules }],
    above: [],
    vacuoles: [],
  },
  basophil: {
    below: [],
    above: [
      { perUm2: 2.5, radiusUm: 0.25, strength: 0.95, within: 1, colours: basophilGranules },
      { perUm2: 0.8, radiusUm: 0.16, strength: 0.65, within: 0.95, colours: [[176, 116, 154], paleGap] },
    ],
    vacuoles: [],
  },
  lymphocyte: {
    below: [],
    above: [{ perUm2: 0.5, radiusUm: 0.14, strength: 0.45, within: 0.9, colours: [[150, 104, 150]] }],
    vacuoles: [],
  },
  monocyte: {
    below: [
      {
        perUm2: 2.4,
        radiusUm: 0.15,
        strength: 0.55,
        within: 0.95,
        colours: [
          [126, 80, 158],
          [208, 188, 196],
        ],
      },
    ],
    above: [],
    vacuoles: [{ perUm2: 0.07, radiusUm: 0.36, strength: 0.9, within: 0.9, colours: [[240, 220, 208]] }],
  },
  "immature-granulocyte": {
    below: [
      { perUm2: 2.6, radiusUm: 0.18, strength: 0.75, within: 0.97, colours: promyelocyteGranules },
      { perUm2: 0.8, radiusUm: 0.16, strength: 0.6, within: 0.95, colours: [paleGap] },
    ],
    above: [{ perUm2: 1.3, radiusUm: 0.16, strength: 0.6, within: 0.97, colours: promyelocyteGranules }],
    vacuoles: [],
  },
  erythroblast: { below: [], above: [], vacuoles: [] },
};

const varied = (colour: Rgb, shift: number): Rgb => [colour[0] + shift, colour[1] + shift, colour[2] + 0.6 * shift];

export const nucleusLookOf = (cellClass: LeukocyteClass, random: Random): NucleusLook => {
  const look = nuclei[cellClass];
  const shift = 5 * random.normal();
  return {
    ...look,
    dark: varied(look.dark, Math.max(-8, Math.min(10, shift))),
    light: varied(look.light, shift),
    openness: look.openness + 0.05 * (random.next() - 0.5),
  };
};

export const cytoplasmOf = (cellClass: LeukocyteClass, random: Random): CytoplasmLook => {
  const look = cytoplasms[cellClass];
  const shift = Math.max(-14, Math.min(14, 6 * random.normal()));
  return { colour: varied(look.colour, shift), patches: varied(look.patches, shift) };
};

/** The granules and vacuoles of one cell of that kind; some cells have more of them than others. */
export const granulesOf = (cellClass: LeukocyteClass, random: Random): GranuleSets => {
  const sets = byClass[cellClass];
  const amount = 0.75 + 0.5 * random.next();
  const some = (look: GranuleLook): GranuleLook => ({ ...look, perUm2: look.perUm2 * amount });
  if (cellClass === "eosinophil") return sets;
  return { below: sets.below.map(some), above: sets.above.map(some), vacuoles: sets.vacuoles.map(some) };
};
