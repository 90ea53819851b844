/**
 * The one taxonomy: classes of cells, their parents, the names that data sets use for them, their colours.
 * Labels of different depth train together because every class knows its parent.
 */

/** Classes that the density map finds, in the order of its channels. */
export const densityClasses = ["erythrocyte", "leukocyte", "platelet"] as const;
export type DensityClass = (typeof densityClasses)[number];

/** Classes that the classifier of crops names, in the order of its outputs. All are nucleated cells. */
export const leukocyteClasses = [
  "neutrophil",
  "eosinophil",
  "basophil",
  "lymphocyte",
  "monocyte",
  "immature-granulocyte",
  "erythroblast",
] as const;
export type LeukocyteClass = (typeof leukocyteClasses)[number];

/** The five classes of the conventional differential. */
export const differentialFive = ["neutrophil", "eosinophil", "basophil", "lymphocyte", "monocyte"] as const;

export const cellClasses = [...densityClasses, ...leukocyteClasses] as const;
export type CellClass = (typeof cellClasses)[number];

export interface CellClassEntry {
  readonly parent: DensityClass | null;
  readonly label: string;
  readonly abbreviation: string;
  /** sRGB, `#rrggbb`; told apart on pink smears and by people with red-green blindness. */
  readonly colour: string;
  /** Names that data sets use, compared without case, blanks, hyphens and underscores. */
  readonly aliases: readonly string[];
}

export const taxonomy: Readonly<Record<CellClass, CellClassEntry>> = {
  erythrocyte: {
    parent: null,
    label: "Red cell",
    abbreviation: "RBC",
    colour: "#d55e00",
    aliases: ["RBC", "red blood cell", "red cell", "erythrocyte"],
  },
  leukocyte: {
    parent: null,
    label: "Leukocyte",
    abbreviation: "WBC",
    colour: "#0072b2",
    aliases: ["WBC", "white blood cell", "white cell", "leukocyte", "leucocyte"],
  },
  platelet: {
    parent: null,
    label: "Platelet",
    abbreviation: "PLT",
    colour: "#f0e442",
    aliases: ["PLT", "platelet", "platelets", "thrombocyte"],
  },
  neutrophil: {
    parent: "leukocyte",
    label: "Neutrophil",
    abbreviation: "NE",
    colour: "#009e73",
    aliases: ["NE", "NEU", "neutrophil", "BNE", "SNE", "band neutrophil", "segmented neutrophil"],
  },
  eosinophil: {
    parent: "leukocyte",
    label: "Eosinophil",
    abbreviation: "EO",
    colour: "#e6399b",
    aliases: ["EO", "EOS", "eosinophil"],
  },
  basophil: {
    parent: "leukocyte",
    label: "Basophil",
    abbreviation: "BA",
    colour: "#2b2d8c",
    aliases: ["BA", "BASO", "basophil"],
  },
  lymphocyte: {
    parent: "leukocyte",
    label: "Lymphocyte",
    abbreviation: "LY",
    colour: "#56b4e9",
    aliases: ["LY", "LYM", "lymphocyte"],
  },
  monocyte: {
    parent: "leukocyte",
    label: "Monocyte",
    abbreviation: "MO",
    colour: "#e69f00",
    aliases: ["MO", "MONO", "monocyte"],
  },
  "immature-granulocyte": {
    parent: "leukocyte",
    label: "Immature granulocyte",
    abbreviation: "IG",
    colour: "#7a5195",
    aliases: ["IG", "immature granulocyte", "MMY", "MY", "PMY", "metamyelocyte", "myelocyte", "promyelocyte"],
  },
  erythroblast: {
    parent: "leukocyte",
    label: "Erythroblast",
    abbreviation: "ERB",
    colour: "#ef5675",
    aliases: ["ERB", "erythroblast", "nucleated red blood cell", "NRBC"],
  },
};

const normalise = (name: string): string => name.toLowerCase().replace(/[\s_-]+/g, "");

const byAlias = new Map<string, CellClass>(
  cellClasses.flatMap((cellClass) =>
    [cellClass, ...taxonomy[cellClass].aliases].map((alias) => [normalise(alias), cellClass] as const),
  ),
);

/** The class that a data set's name stands for, or undefined where the taxonomy has none. */
export const parseCellClass = (name: string): CellClass | undefined => byAlias.get(normalise(name));

/** The channel of the density map in which a class is found. */
export const densityClassOf = (cellClass: CellClass): DensityClass =>
  taxonomy[cellClass].parent ?? (cellClass as DensityClass);

export const isLeukocyteClass = (cellClass: CellClass): cellClass is LeukocyteClass =>
  taxonomy[cellClass].parent === "leukocyte";
