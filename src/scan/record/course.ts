import { type CellClass, CytoError, cellClasses } from "../../core/index.js";
import {
  type Counter,
  type Counts,
  createCounter,
  type FieldOutcome,
  type PointUm,
  type RectUm,
  type SlideCell,
} from "../../counting/index.js";
import type { ScanField, ScanRecord, ScanState } from "../desk.js";
import {
  type CoarseField,
  type FieldPlan,
  type FieldSizeUm,
  planCoarsePass,
  planFields,
  planMonolayer,
} from "../plan/index.js";
import { evaluateStop, type StopVerdict } from "../stopping/index.js";
import { type BestView, BestViews } from "./bestViews.js";
import {
  type CoarseEntry,
  countedFieldOf,
  type FieldEntry,
  type ScanEntry,
  type ScanHeader,
  type StateEntry,
} from "./entries.js";

export const fieldSizeOf = ({ setup }: Pick<ScanHeader, "setup">): FieldSizeUm => ({
  width: setup.fieldWidthPx * setup.umPerPixel,
  height: setup.fieldHeightPx * setup.umPerPixel,
});

/** A field of a coarse pass whose picture is kept, and where the stage stood. */
export type CoarseLook = Pick<FieldEntry, "index" | "stageUm">;

const hasEnded = (state: ScanState): boolean => state === "complete" || state === "aborted" || state === "failed";

/**
 * A scan as its journal tells it: entries in, one by one, live or read again; the same entries give the same scan. No I/O.
 */
export class ScanCourse {
  readonly #counter: Counter;
  readonly #fields: FieldEntry[] = [];
  /** Where the counter placed each field; absent where it could not. */
  readonly #places: (PointUm | undefined)[] = [];
  readonly #views = new BestViews();
  readonly #coarse: CoarseField[] = [];
  readonly #coarseLooks: CoarseLook[] = [];
  #plan: FieldPlan | undefined;
  #last: StateEntry | undefined;
  #activeMs = 0;

  constructor(readonly header: ScanHeader) {
    this.#counter = createCounter(header.counting);
    if (header.plan.kind !== "monolayer") this.#plan = planFields(header.plan, fieldSizeOf(header));
  }

  /** Fields done, in the order of the plan. */
  get fields(): readonly FieldEntry[] {
    return this.#fields;
  }

  /** The fields to look at; undefined until the coarse pass has told. */
  get plan(): FieldPlan | undefined {
    return this.#plan;
  }

  /** The fields of the coarse pass that are still to be looked at, and the first one's number in it. */
  get coarseLeft(): { readonly centresUm: readonly PointUm[]; readonly from: number } | undefined {
    const { plan } = this.header;
    if (plan.kind !== "monolayer" || this.#plan !== undefined) return undefined;
    return { centresUm: planCoarsePass(plan, fieldSizeOf(this.header)).centresUm, from: this.#coarse.length };
  }

  /** Fields of the coarse pass whose pictures are kept. */
  get coarseLooks(): readonly CoarseLook[] {
    return this.#coarseLooks;
  }

  get activeMs(): number {
    return this.#activeMs;
  }

  get counts(): Counts | undefined {
    return this.#fields.length === 0 ? undefined : this.#counter.snapshot();
  }

  /** As the journal has it: `running` also where the process that ran it is gone. */
  get state(): ScanState {
    return this.#last?.state ?? "running";
  }

  get ended(): boolean {
    return hasEnded(this.state);
  }

  /** Every planned field is there. */
  get allDone(): boolean {
    return this.#plan !== undefined && this.#fields.length === this.#plan.centresUm.length;
  }

  /** Where a field lies on the slide by its stage position and its cells. */
  placeOf(field: number): PointUm {
    return this.#places[field] ?? this.#fields[field]!.positionUm;
  }

  /**
   * @returns what became of a field; nothing for other entries
   * @throws CytoError STORE_DAMAGED where fields are not in the order of the plan
   */
  apply(entry: ScanEntry): FieldOutcome | undefined {
    if (entry.kind === "state") this.#last = entry;
    this.#activeMs = entry.activeMs;
    if (entry.kind === "coarse") this.#addCoarse(entry);
    return entry.kind === "field" ? this.#addField(entry) : undefined;
  }

  #addCoarse({ index, layer, stageUm }: CoarseEntry): void {
    if (index !== this.#coarse.length)
      throw new CytoError(
        "STORE_DAMAGED",
        `scan ${this.header.id}: field ${index} of the coarse pass is not the next one`,
      );
    this.#coarse.push({ index, layer });
    if (stageUm !== undefined) this.#coarseLooks.push({ index, stageUm });
  }

  #addField(entry: FieldEntry): FieldOutcome {
    this.endCoarsePass();
    if (entry.index !== this.#fields.length)
      throw new CytoError("STORE_DAMAGED", `scan ${this.header.id}: field ${entry.index} is not the next one`);
    const outcome = this.#counter.add(countedFieldOf(entry));
    this.#fields.push(entry);
    this.#places.push("placement" in outcome ? outcome.placement.centreUm : undefined);
    this.#views.add(entry, outcome);
    return outcome;
  }

  /**
   * Plans the fields by what the coarse pass has seen, once it is whole.
   * @throws CytoError SCAN_NO_MONOLAYER, SCAN_PLAN_INVALID
   */
  endCoarsePass(): void {
    const { plan } = this.header;
    if (plan.kind === "monolayer") this.#plan ??= planMonolayer(plan, fieldSizeOf(this.header), this.#coarse);
  }

  /** How far the stop rules are. */
  verdict(): StopVerdict {
    const { stop } = this.header;
    return evaluateStop(stop, { fieldsDone: this.#fields.length, activeMs: this.#activeMs, counts: this.counts });
  }

  /** Cells in the count, each with the view that shows it best. */
  *cells(wanted: (cellClass: CellClass) => boolean): Generator<{ cell: SlideCell; view: BestView }> {
    for (const cell of this.#counter.cells(wanted)) {
      const view = this.#views.of(cell.id);
      if (view !== undefined) yield { cell, view };
    }
  }

  /** A counted cell by its number. */
  viewOf(id: number): BestView | undefined {
    return this.#views.of(id);
  }

  fieldOf(index: number): ScanField {
    const entry = this.#fields[index]!;
    const cells: Partial<Record<CellClass, number>> = {};
    for (const [classIndex = 0] of entry.cells) {
      const name = cellClasses[classIndex]!;
      cells[name] = (cells[name] ?? 0) + 1;
    }
    const { capturedAtMs, sharpness, refocused, stageUm } = entry;
    const centreUm = { ...this.placeOf(index), ...(stageUm.z === undefined ? {} : { z: stageUm.z }) };
    return { index, centreUm, capturedAtMs, sharpness, cells, refocused };
  }

  /** Bounds of all planned fields; of the region where a coarse pass has yet to tell. */
  get boundsUm(): RectUm {
    const { region } = { region: undefined, ...this.header.plan };
    if (this.#plan !== undefined || region === undefined) return this.#plan!.boundsUm;
    const { left, top, width, height } = region;
    return { left, top, right: left + width, bottom: top + height };
  }

  /** @param live whether a process is at it: of one that was killed the journal says `running` for ever */
  record(live: boolean): ScanRecord {
    const { header, counts } = this;
    const { progress, limits } = this.verdict();
    const last = this.#last;
    const { id, slide, setup, plan, stop, focus, by, startedAtMs } = header;
    return {
      ...{ id, slide, setup, plan, stop, focus, by, startedAtMs },
      state: this.state === "running" && !live ? "paused" : this.state,
      ...(this.ended && last !== undefined ? { endedAtMs: last.atMs } : {}),
      fieldsPlanned: this.#plan?.centresUm.length ?? 0,
      fieldsDone: this.#fields.length,
      boundsUm: this.boundsUm,
      progress,
      ...(limits === undefined ? {} : { limits }),
      ...(last?.endedBy === undefined ? {} : { endedBy: last.endedBy }),
      ...(last?.failure === undefined ? {} : { failure: last.failure }),
      ...(counts === undefined ? {} : { counts }),
    };
  }
}
