import { createHash } from "node:crypto";
import { CytoError } from "../../../src/core/index.js";
import type { GateReport, ModelDesk, ModelEntry, Promotion } from "../../../src/registry/index.js";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

const comparison = (cellClass: string, difference: number, half: number) => ({
  cellClass,
  difference,
  low: difference - half,
  high: difference + half,
});

/** A desk of models in memory: two shipped ones, and those that are added. */
export class MemoryModels implements ModelDesk {
  readonly #models: Omit<ModelEntry, "active">[] = [];
  readonly #history: Promotion[] = [];
  readonly #listeners = new Set<(promotion: Promotion) => void>();
  #atMs = 1_767_225_600_000;
  /** Thrown by the next exchange. */
  failure: CytoError | undefined;

  constructor() {
    this.#add("unet", "1.0.0", "detector", { origin: "shipped", figures: { P: 94.1 } });
    this.#add("cells", "1.0.0", "classifier", { origin: "shipped", figures: { meanRecall: 0.96 } });
    this.#write({ kind: "initial", model: "unet@1.0.0", by: "cytostream", reason: "Came with the program." });
  }

  /** A detector that was trained here. */
  train(version: string, parent: string, job: string): ModelEntry {
    const model = this.#add("unet", version, "detector", {
      origin: "laboratory",
      figures: { P: 95.6, fields: 346 },
      lineage: {
        parent,
        parentSha256: hash(parent),
        dataSha256: hash(job),
        codeVersion: "0.1.0",
        seed: 1,
        job,
        trainedAtMs: this.#atMs,
      },
    });
    return { ...model, active: false };
  }

  async list() {
    const active = this.#history[0]?.model;
    return this.#models.map((model) => ({
      ...model,
      active: model.kind !== "detector" || `${model.name}@${model.version}` === active,
    }));
  }

  async show(id: string) {
    const model = (await this.list()).find(({ name, version }) => `${name}@${version}` === id);
    if (model === undefined) throw new CytoError("MODEL_NOT_FOUND", "No such model.");
    return model;
  }

  async compare(candidate: string, active: string): Promise<GateReport> {
    await Promise.all([this.show(candidate), this.show(active)]);
    const better = candidate !== active;
    return {
      candidate,
      active,
      decision: better ? "promote" : "refuse",
      reasons: [better ? "P is better by 3.4 points, at least 1.9." : "They are the same model."],
      alpha: 0.0021,
      pooled: comparison("all", better ? 3.4 : 0, better ? 1.5 : 0),
      classes: [
        comparison("erythrocyte", better ? 1.1 : 0, 0.8),
        comparison("leukocyte", better ? 4.9 : 0, 2.6),
        comparison("platelet", better ? -0.6 : 0, 1.9),
      ],
      fields: { validation: 60, old: 120 },
      atMs: this.#atMs,
    };
  }

  async promote(model: string, by: string, reason: string) {
    await this.show(model);
    if (this.failure !== undefined) throw this.failure;
    return this.#write({ kind: "promotion", model, by, reason });
  }

  async rollback(by: string) {
    const before = this.#history[0]?.before;
    if (before === undefined) throw new CytoError("ROLLBACK_IMPOSSIBLE", "There is no model to go back to.");
    return this.#write({ kind: "rollback", model: before, by, reason: "Back by one." });
  }

  async history(atMs?: number) {
    if (atMs === undefined) return [...this.#history];
    return this.#history.filter((promotion) => promotion.atMs <= atMs).slice(0, 1);
  }

  onChange(listener: (promotion: Promotion) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #add(
    name: string,
    version: string,
    kind: ModelEntry["kind"],
    more: Pick<ModelEntry, "origin" | "figures" | "lineage">,
  ): Omit<ModelEntry, "active"> {
    const card = `# ${name} ${version}\n\nA ${kind}.`;
    const model = { name, version, kind, sha256: hash(name + version), card, ...more };
    this.#models.push(model);
    return model;
  }

  #write(entry: Pick<Promotion, "kind" | "model" | "by" | "reason">): Promotion {
    const before = this.#history[0]?.model;
    this.#atMs += 3_600_000;
    const promotion = {
      ...entry,
      network: "detector" as const,
      atMs: this.#atMs,
      sha256: hash(entry.model.replace("@", "")),
      ...(before === undefined ? {} : { before }),
    };
    this.#history.unshift(promotion);
    for (const listener of this.#listeners) listener(promotion);
    return promotion;
  }
}
