import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CytoError } from "../core/index.js";
import type { ModelEntry } from "./desk.js";
import { readLineage } from "./lineage.js";
import { type ListedModel, listModels } from "./list.js";
import { readManifest } from "./load.js";
import type { ModelManifest } from "./manifest.js";

/** A sound model folder, wherever it lies. */
export interface ShelvedModel {
  /** `name@version` */
  readonly id: string;
  readonly directory: string;
  readonly manifest: ModelManifest;
  readonly origin: ModelEntry["origin"];
}

export interface ShelfOptions {
  /** Models that were trained here. */
  readonly laboratory: string;
  /** Models that came with the program. */
  readonly shipped: string;
  /** Folders of single models that the configuration names. */
  readonly single?: readonly string[];
}

const dayMs = 86_400_000;

const sound = (listed: readonly ListedModel[], origin: ModelEntry["origin"]): ShelvedModel[] =>
  listed.flatMap(({ directory, manifest, name, version }) =>
    manifest ? [{ id: `${name}@${version}`, directory, manifest, origin }] : [],
  );

/** The models of a laboratory: its own, the shipped ones, and single folders. */
export class ModelShelf {
  readonly #options: ShelfOptions;

  constructor(options: ShelfOptions) {
    this.#options = options;
  }

  /** Sound ones, by name, newest version first, the laboratory's own before shipped ones; each id once. */
  async all(): Promise<readonly ShelvedModel[]> {
    const { laboratory, shipped, single = [] } = this.#options;
    const listed = (folder: string): Promise<readonly ListedModel[]> =>
      existsSync(folder) ? listModels(folder) : Promise.resolve([]);
    const alone = await Promise.all(
      single.map(async (directory): Promise<ShelvedModel | undefined> => {
        const manifest = await readManifest(directory).catch(() => undefined);
        const origin = "shipped" as const;
        return manifest && { id: `${manifest.name}@${manifest.version}`, directory, manifest, origin };
      }),
    );
    const found = [
      ...sound(await listed(laboratory), "laboratory"),
      ...sound(await listed(shipped), "shipped"),
      ...alone.filter((model) => model !== undefined),
    ];
    return found.filter(({ id }, index) => found.findIndex((other) => other.id === id) === index);
  }

  /** @throws CytoError MODEL_NOT_FOUND naming what is there */
  async find(id: string): Promise<ShelvedModel> {
    const models = await this.all();
    const model = models.find((candidate) => candidate.id === id);
    if (model) return model;
    const known = models.map((candidate) => candidate.id).join(", ");
    throw new CytoError("MODEL_NOT_FOUND", `there is no sound model ${id}`, {
      context: { model: id },
      remedy: known ? `There are: ${known}.` : "See `cytostream models list`.",
    });
  }

  /** Removes what writes that were killed have left, a day later: a training may be writing now. */
  async tidy(nowMs: number): Promise<void> {
    const root = resolve(this.#options.laboratory);
    const names = await readdir(root).catch((): string[] => []);
    const inner = await Promise.all(
      names.map(async (name) =>
        (await readdir(join(root, name)).catch((): string[] => [])).map((at) => join(name, at)),
      ),
    );
    const left = [...names, ...inner.flat()].filter((path) => /(^|[\\/])\.[^\\/]+\.[0-9a-f]{12}(\.old)?$/.test(path));
    for (const path of left) {
      const { mtimeMs } = await stat(join(root, path)).catch(() => ({ mtimeMs: nowMs }));
      if (nowMs - mtimeMs > dayMs) await rm(join(root, path), { recursive: true, force: true }).catch(() => {});
    }
  }
}

/** What stations are told of a model. */
export const entryOf = async (model: ShelvedModel, active: boolean): Promise<ModelEntry> => {
  const { directory, manifest, origin } = model;
  const lineage = await readLineage(directory).catch(() => undefined);
  const { name, version, kind, sha256, figures } = manifest;
  const card = await readFile(join(directory, "card.md"), "utf8").catch(() => "");
  return { name, version, kind, origin, sha256, active, figures, card, ...(lineage ? { lineage } : {}) };
};
