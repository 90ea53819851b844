import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CytoError } from "./errors.js";

const isProjectRoot = (folder: string): boolean => {
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest)) return false;
  return (JSON.parse(readFileSync(manifest, "utf8")) as { name?: unknown }).name === "cytostream";
};

const findProjectRoot = (): string => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (isProjectRoot(folder)) return folder;
    if (dirname(folder) === folder)
      throw new CytoError("INTERNAL", "cytostream's own package.json is not above its code");
  }
};

let root: string | undefined;

/** The folder of cytostream's package.json, whether the code runs from source or from dist. */
export const projectRoot = (): string => {
  root ??= findProjectRoot();
  return root;
};

/** The folder of the models that are shipped: `<name>/<version>/manifest.json` below it. */
export const modelsDirectory = (): string => join(projectRoot(), "models");
