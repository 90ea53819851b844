/** What a person has set on this page; kept in this browser alone. */
export interface Settings {
  readonly theme: "system" | "light" | "dark";
  readonly outlines: boolean;
  readonly boxes: boolean;
  readonly centres: boolean;
  readonly letters: boolean;
  readonly density: boolean;
  readonly shortcuts: boolean;
}

export const layers = ["outlines", "boxes", "centres", "letters", "density"] as const;
export type Layer = (typeof layers)[number];

export const layerTexts: Readonly<
  Record<Layer, { readonly label: string; readonly key: string; readonly help: string }>
> = {
  outlines: { label: "Outlines", key: "o", help: "Ellipses around the cells" },
  boxes: { label: "Boxes", key: "b", help: "The boxes that the detector reports" },
  centres: { label: "Centres", key: "c", help: "A mark at each centre" },
  letters: { label: "Letters", key: "l", help: "The class of leukocytes and platelets" },
  density: { label: "Density", key: "d", help: "The density map in colour" },
};

export const defaultSettings: Settings = {
  theme: "system",
  outlines: true,
  boxes: false,
  centres: true,
  letters: true,
  density: false,
  shortcuts: true,
};

const storageKey = "cytostream.settings";

/** Settings from text of any kind; whatever does not fit is left at its default. */
export const parseSettings = (text: string | null): Settings => {
  let stored: Record<string, unknown> = {};
  try {
    stored = Object(JSON.parse(text ?? "{}")) as Record<string, unknown>;
  } catch {
    return defaultSettings;
  }
  const flag = (key: Layer | "shortcuts"): boolean => {
    const value = stored[key];
    return typeof value === "boolean" ? value : defaultSettings[key];
  };
  const { theme } = stored;
  return {
    theme: theme === "light" || theme === "dark" ? theme : "system",
    outlines: flag("outlines"),
    boxes: flag("boxes"),
    centres: flag("centres"),
    letters: flag("letters"),
    density: flag("density"),
    shortcuts: flag("shortcuts"),
  };
};

export const loadSettings = (): Settings => {
  try {
    return parseSettings(localStorage.getItem(storageKey));
  } catch {
    return defaultSettings;
  }
};

/** Private windows may refuse to store; the setting then lasts as long as the page. */
export const saveSettings = (settings: Settings): void => {
  try {
    localStorage.setItem(storageKey, JSON.stringify(settings));
  } catch {
    return;
  }
};
