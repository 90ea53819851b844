import { type Clock, CytoError, systemClock } from "../core/index.js";
import { createDetector, type DetectorModels, type GoldenFields, type ProviderChoice } from "../detection/index.js";
import { type Journal, type LaboratoryPaths, storeError } from "../store/index.js";
import {
  type GateReport,
  type ModelDesk,
  type ModelEntry,
  type Promotion,
  type ServingKind,
  servingKinds,
} from "./desk.js";
import { judgeCandidate, type ModelTallies, nextLevel } from "./gate/index.js";
import { openGateJournal } from "./gateJournal.js";
import {
  loadServing,
  modelsOf,
  openProduction,
  type Production,
  type ServingChoice,
  type ServingModel,
  singleFolders,
} from "./production.js";
import { activeOf, inProductionAt, openPromotions, rollbackStep } from "./promotions.js";
import { entryOf, ModelShelf, type ShelvedModel } from "./shelf.js";

/** Tallies of two models on the same fields. */
export interface ScoredPair {
  readonly candidate: ModelTallies;
  readonly active: ModelTallies;
  /** `name@version` of the active model, where it was scored elsewhere and may not be in production any more. */
  readonly against?: string;
}

/** What the desk needs of the stations around it. */
export interface ModelDeskPorts {
  /** Exchanges the models of the detector that runs. Without it a candidate is tried in a detector of its own. */
  readonly swap?: (models: DetectorModels, golden: GoldenFields) => Promise<void>;
  /** Scores two pairs of models on the frozen validation fields and on the old data. @throws CytoError VALIDATION_EMPTY */
  readonly score?: (candidate: DetectorModels, active: DetectorModels) => Promise<ScoredPair>;
}

export interface ModelDeskOptions extends ModelDeskPorts {
  readonly paths: Pick<LaboratoryPaths, "models" | "promotions" | "gate">;
  /** Folder of the models that came with the program. */
  readonly shippedDir: string;
  readonly choice?: ServingChoice;
  readonly gate: { readonly alpha: number; readonly marginPoints: number };
  readonly clock?: Pick<Clock, "now">;
  /** Of the detector that tries a candidate where none runs; `cpu` unless given. */
  readonly provider?: ProviderChoice;
}

/** The desk with what only the daemon asks of it. Owner of the journals: dispose of it. */
export interface OpenModelDesk extends ModelDesk, AsyncDisposable {
  /** What is in production: a detector is opened with it. */
  readonly models: Required<DetectorModels>;
  /**
   * The gate: compares a candidate with the model in production, writes that down, spends its part of the year's alpha, and promotes
   * where the candidate passes. Asked again of the same pair it answers what was found, and promotes where that was not done.
   * @param scored tallies that were made already, by the training process; else, or where they are of another model than is in
   *   production by now, the port `score` makes them; promotions by hand and rollbacks go on meanwhile
   * @throws CytoError MODEL_NOT_FOUND, VALIDATION_EMPTY, STORE_FULL and those of `promote`
   */
  judge(candidate: string, scored?: ScoredPair): Promise<GateReport>;
}

interface Parts {
  readonly options: ModelDeskOptions;
  readonly shelf: ModelShelf;
  readonly promotions: Journal<Promotion>;
  readonly gate: Journal<GateReport>;
  serving: Record<ServingKind, ServingModel>;
}

const servingKindOf = ({ id, manifest }: ShelvedModel): ServingKind => {
  const network = servingKinds.find((kind) => kind === manifest.kind);
  if (!network) throw new CytoError("MODEL_INVALID", `${id} is a ${manifest.kind}: it does not serve`);
  return network;
};

/** Tries models as a running detector would: loads, warms up, golden fields. */
const tryAlone = async (models: DetectorModels, golden: GoldenFields, provider: ProviderChoice): Promise<void> => {
  await using detector = await createDetector({ models, provider, threads: 1 });
  await detector.swap(models, golden);
};

class LaboratoryDesk implements OpenModelDesk {
  readonly #parts: Parts;
  readonly #listeners = new Set<(promotion: Promotion) => void>();
  /** Promotions and gate decisions exclude each other. */
  #exclusive: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get models(): Required<DetectorModels> {
    return modelsOf(this.#parts.serving);
  }

  async list(): Promise<readonly ModelEntry[]> {
    const models = await this.#parts.shelf.all();
    return Promise.all(models.map((model) => entryOf(model, this.#isActive(model))));
  }

  async show(model: string): Promise<ModelEntry> {
    const found = await this.#parts.shelf.find(model);
    return entryOf(found, this.#isActive(found));
  }

  async compare(candidate: string, active: string): Promise<GateReport> {
    return this.#report(candidate, active, await this.#score(candidate, active));
  }

  async judge(candidate: string, scored?: ScoredPair): Promise<GateReport> {
    const network = servingKindOf(await this.#parts.shelf.find(candidate));
    let pair = scored;
    for (;;) {
      const active = this.#parts.serving[network].model.id;
      if (pair?.against !== undefined && pair.against !== active) pair = undefined;
      if (!pair && !this.#testOf(candidate, active))
        pair = { ...(await this.#score(candidate, active)), against: active };
      const report = await this.#alone(() => this.#decide(candidate, active, pair));
      if (report) return report;
    }
  }

  promote(model: string, by: string, reason: string): Promise<Promotion> {
    return this.#alone(() => this.#promote(model, by, reason));
  }

  rollback(by: string): Promise<Promotion> {
    return this.#alone(async () => {
      const { from, to, network } = rollbackStep(this.#parts.promotions.entries);
      const model = await this.#parts.shelf.find(to.model);
      const entry = { kind: "rollback", network, by, reason: `${from.model} taken back` } as const;
      return this.#exchange(model, entry);
    });
  }

  async history(atMs?: number): Promise<readonly Promotion[]> {
    const { entries } = this.#parts.promotions;
    return atMs === undefined ? entries.toReversed() : inProductionAt(entries, atMs);
  }

  onChange(listener: (promotion: Promotion) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exclusive;
    await this.#parts.promotions[Symbol.asyncDispose]();
    await this.#parts.gate[Symbol.asyncDispose]();
  }

  #isActive({ id }: ShelvedModel): boolean {
    return servingKinds.some((network) => this.#parts.serving[network].model.id === id);
  }

  #nowMs(): number {
    return (this.#parts.options.clock ?? systemClock).now();
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#exclusive.then(work);
    this.#exclusive = result.catch(() => undefined);
    return result;
  }

  /** The test of a pair that was made before. */
  #testOf(candidate: string, active: string): GateReport | undefined {
    return this.#parts.gate.entries.findLast((report) => report.candidate === candidate && report.active === active);
  }

  /** Decides, writes down, promotes. @returns undefined where another model is in production by now */
  async #decide(candidate: string, active: string, scored: ScoredPair | undefined): Promise<GateReport | undefined> {
    const { serving, gate, shelf } = this.#parts;
    if (serving[servingKindOf(await shelf.find(candidate))].model.id !== active) return undefined;
    const known = this.#testOf(candidate, active);
    if (!known && !scored) return undefined;
    const report = known ?? this.#report(candidate, active, scored!);
    // Written down before it takes effect: a crash in between must not leave a test unspent.
    if (!known) await gate.append(report);
    if (report.decision === "promote") await this.#promote(candidate, "gate", report.reasons.join("; "));
    return report;
  }

  /** The pair in which a model would serve. */
  async #pairWith(model: ShelvedModel): Promise<Record<ServingKind, ServingModel>> {
    const network = servingKindOf(model);
    const serving = await loadServing(model, network, this.#parts.options.choice?.precision);
    return { ...this.#parts.serving, [network]: serving };
  }

  async #score(candidate: string, active: string): Promise<ScoredPair> {
    const { shelf, options } = this.#parts;
    const [first, second] = [await shelf.find(candidate), await shelf.find(active)];
    if (servingKindOf(first) !== servingKindOf(second))
      throw new CytoError("MODEL_INVALID", `${candidate} and ${active} are models of different kinds`);
    if (!options.score) throw new CytoError("VALIDATION_EMPTY", "nothing is here that could score models");
    return options.score(modelsOf(await this.#pairWith(first)), modelsOf(await this.#pairWith(second)));
  }

  /** @throws CytoError VALIDATION_EMPTY */
  #report(candidate: string, active: string, scored: ScoredPair): GateReport {
    if (scored.candidate.validation.length === 0)
      throw new CytoError("VALIDATION_EMPTY", "there are no frozen validation fields yet");
    const { options, gate } = this.#parts;
    const atMs = this.#nowMs();
    const alpha = nextLevel(options.gate.alpha, gate.entries, atMs);
    const { marginPoints } = options.gate;
    return judgeCandidate({ candidate, active, tallies: scored, alpha, marginPoints, atMs });
  }

  async #promote(id: string, by: string, reason: string): Promise<Promotion> {
    const model = await this.#parts.shelf.find(id);
    const network = servingKindOf(model);
    const active = activeOf(this.#parts.promotions.entries, network);
    if (active?.model === id) return active;
    return this.#exchange(model, { kind: "promotion", network, by, reason });
  }

  /** The exchange, then its line in the journal; where that cannot be written, the exchange is taken back. */
  async #exchange(
    model: ShelvedModel,
    entry: Pick<Promotion, "kind" | "network" | "by" | "reason">,
  ): Promise<Promotion> {
    const { promotions, options } = this.#parts;
    const before = this.#parts.serving;
    const after = await this.#pairWith(model);
    // What the other model has on its golden fields was tried when that one came.
    const golden = after[entry.network].golden;
    await this.#serve(after, golden ? { [entry.network]: golden } : {});
    const { id, manifest } = model;
    const line = { atMs: this.#nowMs(), ...entry, model: id, sha256: manifest.sha256 };
    const promotion: Promotion = { ...line, before: before[entry.network].model.id };
    try {
      await promotions.append(promotion);
    } catch (error) {
      if (options.swap) await options.swap(modelsOf(before), {});
      throw storeError(error, options.paths.promotions);
    }
    this.#parts.serving = after;
    for (const listener of this.#listeners) listener(promotion);
    return promotion;
  }

  #serve(serving: Record<ServingKind, ServingModel>, golden: GoldenFields): Promise<void> {
    const { swap, provider = "cpu" } = this.#parts.options;
    return swap ? swap(modelsOf(serving), golden) : tryAlone(modelsOf(serving), golden, provider);
  }
}

/**
 * Opens the models of a laboratory: finds what is in production, writes the first start down. One process at a time.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, STORE_DAMAGED, STORE_FULL, STORE_FAILED
 */
export const openModelDesk = async (options: ModelDeskOptions): Promise<OpenModelDesk> => {
  const { paths, shippedDir, choice = {}, clock = systemClock } = options;
  const shelf = new ModelShelf({ laboratory: paths.models, shipped: shippedDir, single: singleFolders(choice) });
  await shelf.tidy(clock.now());
  const promotions = await openPromotions(paths.promotions);
  try {
    const production: Production = { shelf, journal: promotions, shippedDir, choice, clock };
    const serving = await openProduction(production);
    const gate = await openGateJournal(paths.gate);
    return new LaboratoryDesk({ options, shelf, promotions, gate, serving });
  } catch (error) {
    await promotions[Symbol.asyncDispose]();
    throw error;
  }
};
