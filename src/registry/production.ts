import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { type Clock, CytoError } from "../core/index.js";
import type { ClassifierSource, DetectorModels, DetectorSource, GoldenFields } from "../detection/index.js";
import type { Journal } from "../store/index.js";
import { type Promotion, type ServingKind, servingKinds } from "./desk.js";
import { readGoldenFields } from "./golden.js";
import { findModel } from "./list.js";
import { loadClassifierModel, loadDetectorModel, readManifest } from "./load.js";
import { activeOf } from "./promotions.js";
import type { ModelShelf, ShelvedModel } from "./shelf.js";
import { compareVersions } from "./version.js";

/** Which models the configuration asks for. */
export interface ServingChoice {
  /** A name, `name@version`, or a folder; without it the newest shipped one. */
  readonly detector?: string | undefined;
  readonly classifier?: string | undefined;
  /** Of the detector: `fp32`, or a variant that it has. */
  readonly precision?: string | undefined;
}

const shippedNames = { detector: "unet", classifier: "cells" } as const;

/** Whether a user names a model by its folder. */
export const looksLikeFolder = (choice: string): boolean =>
  isAbsolute(choice) || /[\\/]/.test(choice) || existsSync(join(choice, "manifest.json"));

/** Folders of single models among what the configuration names. */
export const singleFolders = (choice: ServingChoice): string[] =>
  servingKinds.flatMap((kind) => {
    const wanted = choice[kind];
    return wanted !== undefined && looksLikeFolder(wanted) ? [resolve(wanted)] : [];
  });

export interface ServingModel {
  readonly model: ShelvedModel;
  readonly source: DetectorSource | ClassifierSource;
  readonly golden?: GoldenFields[ServingKind] | undefined;
}

/** Loads a model as it would serve. @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, also where it is of another kind */
export const loadServing = async (
  model: ShelvedModel,
  network: ServingKind,
  precision: string | undefined,
): Promise<ServingModel> => {
  const options = network === "detector" && precision !== undefined ? { precision } : {};
  const load = network === "detector" ? loadDetectorModel : loadClassifierModel;
  const source = await load(model.directory, options);
  const golden = await readGoldenFields(model.directory, options.precision);
  if (!golden && model.origin === "laboratory")
    throw new CytoError("MODEL_INVALID", `${model.id} has no golden fields: it was not written as a candidate`);
  return { model, source, ...(golden ? { golden } : {}) };
};

export interface Production {
  readonly shelf: ModelShelf;
  readonly journal: Journal<Promotion>;
  readonly shippedDir: string;
  readonly choice: ServingChoice;
  readonly clock: Pick<Clock, "now">;
}

/** The folder that the configuration names, or the newest shipped one. */
const chosenFolder = ({ choice, shippedDir }: Production, network: ServingKind): Promise<string> => {
  const wanted = choice[network] ?? shippedNames[network];
  if (looksLikeFolder(wanted)) return Promise.resolve(resolve(wanted));
  const [name = "", version] = wanted.split("@");
  return findModel(shippedDir, name, version);
};

/**
 * Whether what the configuration names, or the newest shipped model, takes the place of what the journal has: at the first start; where
 * the configuration names one that never was in production; and after an upgrade, where a shipped model is in production
 * and a newer one came. A laboratory's own model is never replaced by an upgrade, nor is one that was gone back to.
 */
const takesOver = (
  production: Production,
  network: ServingKind,
  chosen: ShelvedModel,
  known: readonly ShelvedModel[],
): boolean => {
  const entries = production.journal.entries.filter((entry) => entry.network === network);
  const active = entries.at(-1);
  if (!active) return true;
  if (entries.some(({ model }) => model === chosen.id)) return false;
  if (production.choice[network] !== undefined) return true;
  const origin = known.find(({ id }) => id === active.model)?.origin;
  const newest = entries.every(({ model }) => {
    const [name, version = ""] = model.split("@");
    return name !== chosen.manifest.name || compareVersions(chosen.manifest.version, version) > 0;
  });
  return origin === "shipped" && newest;
};

const record = async ({ journal, clock }: Production, entry: Omit<Promotion, "atMs" | "before">): Promise<void> => {
  const before = activeOf(journal.entries, entry.network)?.model;
  await journal.append({ atMs: clock.now(), ...entry, ...(before === undefined ? {} : { before }) });
};

/** The newest model of the journal that can still be loaded; what cannot is passed over, and that is written down. */
const loadRecorded = async (production: Production, network: ServingKind): Promise<ServingModel | undefined> => {
  const { journal, shelf, choice } = production;
  const entries = journal.entries.filter((entry) => entry.network === network);
  const tried = new Set<string>();
  let failure: CytoError | undefined;
  for (const { model: id, sha256 } of entries.toReversed()) {
    if (tried.has(id)) continue;
    tried.add(id);
    try {
      const model = await shelf.find(id);
      if (model.manifest.sha256 !== sha256)
        throw new CytoError("MODEL_INVALID", `${id} is not the one that was in production: its hash is another`);
      const serving = await loadServing(model, network, choice.precision);
      if (failure)
        await record(production, {
          ...{ kind: "rollback", network, model: id, sha256 },
          ...{ by: "cytostream", reason: failure.message },
        });
      return serving;
    } catch (error) {
      failure ??= CytoError.from(error, "MODEL_INVALID");
    }
  }
  return undefined;
};

const openNetwork = async (production: Production, network: ServingKind): Promise<ServingModel> => {
  const { shelf, choice, journal } = production;
  const first = journal.entries.every((entry) => entry.network !== network);
  const directory = await chosenFolder(production, network).catch((error: unknown) => {
    if (first || choice[network] !== undefined) throw error;
    return undefined;
  });
  const known = await shelf.all();
  if (directory !== undefined) {
    const manifest = await readManifest(directory);
    const id = `${manifest.name}@${manifest.version}`;
    const chosen: ShelvedModel = known.find((model) => model.id === id) ?? {
      ...{ id, directory, manifest },
      origin: "shipped",
    };
    if (takesOver(production, network, chosen, known)) {
      const serving = await loadServing(chosen, network, choice.precision);
      const named = choice[network] === undefined ? "shipped with the program" : "named by the configuration";
      await record(production, {
        ...{ kind: first ? "initial" : "promotion", network, model: id, sha256: chosen.manifest.sha256 },
        ...{ by: "cytostream", reason: named },
      });
      return serving;
    }
  }
  const recorded = await loadRecorded(production, network);
  if (recorded) return recorded;
  throw new CytoError("MODEL_NOT_FOUND", `no ${network} that was in production can be loaded`);
};

/**
 * What is in production: the pair of models that a detector is to be opened with. The first start, and whatever changes what is in
 * production, is written down.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, STORE_FULL, STORE_FAILED
 */
export const openProduction = async (production: Production): Promise<Record<ServingKind, ServingModel>> => ({
  detector: await openNetwork(production, "detector"),
  classifier: await openNetwork(production, "classifier"),
});

export const modelsOf = (serving: Readonly<Record<ServingKind, ServingModel>>): Required<DetectorModels> => ({
  detector: serving.detector.source as DetectorSource,
  classifier: serving.classifier.source as ClassifierSource,
});
