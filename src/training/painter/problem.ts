import { CytoError, leukocyteClasses, type Random } from "../../core/index.js";
import type { Feed, Player, TrainingProblem } from "../../engine/index.js";
import { Graph, type Value } from "../../engine/onnx/index.js";
import {
  cropSidePx,
  dropoutMask,
  generator,
  InferenceLayers,
  type JudgedPair,
  type Layers,
  multiScaleDiscriminator,
  nameCells,
  ParameterSet,
  patchDiscriminator,
  stainNumbers,
  TrainingLayers,
} from "../../networks/index.js";
import { absoluteLoss, discriminatorLoss, generatorLoss } from "../losses/adversarial.js";
import { gradientSimilarityLoss } from "../losses/gradientSimilarity.js";
import { type CropSampling, cutCrops, paintedClassLoss } from "../losses/paintedClass.js";
import { type CropSquare, cropMatrices } from "./cropMatrices.js";
import type { PainterSettings } from "./settings.js";

/** Names of the problems and of the parameter sets that move in them. */
export const criticName = "critic";
export const painterName = "painter";

/** A painted leukocyte that the judge names. */
export interface PaintedCell extends CropSquare {
  /** Index into leukocyteClasses. */
  readonly classIndex: number;
}

/** Real fields with their masks. N = batch, S = sidePx. */
export interface PaintingBatch {
  /** uint8 [N,S,S,3], RGB */
  readonly pictures: Uint8Array;
  /** float32 [N,maskPlanes,S,S] in [0,1] */
  readonly masks: Float32Array;
  /** float32 [N,9] in [0,1] */
  readonly stain: Float32Array;
  /** Read where there is a judge, which looks at no more than its `cells`. */
  readonly cells: readonly PaintedCell[];
}

/** One move of a training step, as a StepSource gives it. */
export interface PainterMove {
  readonly problem: string;
  readonly feeds: Readonly<Record<string, Feed>>;
}

export interface PainterProblems {
  /** The discriminator's and the generator's problem, to be taken in turn; without L_CGAN the generator's alone. */
  readonly problems: readonly TrainingProblem[];
  /** The generator's parameters; the inference network is made of them. */
  readonly painter: ParameterSet;
  /** The discriminator's, where there is L_CGAN. */
  readonly critic: ParameterSet | undefined;
  /** The generator alone, over given layers. */
  readonly forward: (graph: Graph, layers: Layers) => void;
  /** Fresh states of all sets, by name. */
  readonly initialise: (random: Random) => Readonly<Record<string, ReturnType<ParameterSet["initialise"]>>>;
  /** The moves of one step; `random` gives noise and dropout, so that its state and the batch decide every bit. */
  readonly moves: (batch: PaintingBatch, random: Random) => readonly PainterMove[];
}

const declareGenerator = (graph: Graph, layers: Layers, { batch, sidePx, generator: network }: PainterSettings) => {
  const planes = (name: string, count: number) => graph.input(name, "float32", [batch, count, sidePx, sidePx]);
  const masks = planes("masks", network.maskPlanes);
  const stain = graph.input("stain", "float32", [batch, stainNumbers]);
  const noise = network.noisePlanes > 0 ? planes("noise", network.noisePlanes) : undefined;
  return { masks, painted: generator(layers, { masks, stain, noise }, network) };
};

/** One problem under construction: its graph, both networks over it, and the inputs that they share. */
class Declaration {
  readonly graph: Graph;
  readonly painter: ParameterSet;
  readonly ops;
  readonly masks: Value;
  readonly painted: Value;
  #critics: { readonly set: ParameterSet; readonly layers: TrainingLayers } | undefined;

  constructor(
    name: string,
    private readonly settings: PainterSettings,
  ) {
    this.graph = new Graph(`cytostream-${name}-training`);
    this.painter = new ParameterSet(this.graph, painterName);
    const layers = new TrainingLayers(this.graph, this.painter);
    this.ops = layers.ops;
    const declared = declareGenerator(this.graph, layers, settings);
    this.masks = declared.masks;
    this.painted = declared.painted;
  }

  /** The discriminator's parameters, once it has judged. */
  get critic(): ParameterSet | undefined {
    return this.#critics?.set;
  }

  input(name: string, shape: readonly number[]): Value {
    return this.graph.input(name, "float32", shape);
  }

  /** The real pictures as planes in [0,1]. */
  real(): Value {
    const { batch, sidePx } = this.settings;
    const pictures = this.graph.input("pictures", "uint8", [batch, sidePx, sidePx, 3]);
    return this.ops.transpose(this.ops.scale(this.ops.cast(pictures, "float32"), 1 / 255), [0, 3, 1, 2]);
  }

  /** The discriminator's logits; the name is that of its dropout's feed. */
  judged(picture: Value, name: string): Value {
    const pair: JudgedPair = { picture, masks: this.masks };
    const { discriminator, batch } = this.settings;
    this.#critics ??= this.#newCritic();
    const { layers } = this.#critics;
    if (discriminator.kind === "patch") return patchDiscriminator(layers, pair, discriminator);
    const dropout = this.input(`dropout.${name}`, [batch, discriminator.features]);
    return multiScaleDiscriminator(layers, pair, dropout, discriminator);
  }

  problem(name: string, player: Player, losses: Readonly<Record<string, Value>>): TrainingProblem {
    const parameterSets = this.critic ? [this.painter, this.critic] : [this.painter];
    return { name, graph: this.graph, parameterSets, players: [player], losses };
  }

  #newCritic() {
    const set = new ParameterSet(this.graph, criticName);
    return { set, layers: new TrainingLayers(this.graph, set) };
  }
}

const probability = (declared: Declaration, logits: Value): Value => {
  const { ops } = declared;
  return ops.reduceMean(
    ops.sigmoid(logits),
    logits.shape.map((_, axis) => axis),
    false,
  );
};

/** The discriminator's move: L_CGAN up, the painter frozen. Reports what it takes real and painted fields for. */
const criticProblem = (settings: PainterSettings) => {
  const declared = new Declaration(criticName, settings);
  const real = declared.judged(declared.real(), "real");
  const painted = declared.judged(declared.painted, "painted");
  const loss = discriminatorLoss(declared.ops, { real, painted }, settings.realLabel);
  const player = {
    parameters: declared.critic!,
    loss,
    optimiser: settings.optimiser,
    ratePart: settings.criticRatePart,
  };
  const problem = declared.problem(criticName, player, {
    critic: loss,
    "critic.real": probability(declared, real),
    "critic.painted": probability(declared, painted),
  });
  return { declared, problem };
};

/** The generator's move: the weighted sum of its losses down, discriminator and judge frozen. */
const painterProblem = (settings: PainterSettings) => {
  const { weights } = settings;
  const declared = new Declaration(painterName, settings);
  const { ops, painted } = declared;
  const real = weights.likeness > 0 || weights.gradientSimilarity > 0 ? declared.real() : undefined;
  const terms: Record<string, readonly [weight: number, loss: () => Value]> = {
    adversarial: [weights.adversarial, () => generatorLoss(ops, declared.judged(painted, "painted"))],
    likeness: [weights.likeness, () => absoluteLoss(ops, painted, real!)],
    gradientSimilarity: [
      weights.gradientSimilarity,
      () => gradientSimilarityLoss(ops, painted, real!, settings.gradientSimilarity),
    ],
    cellClass: [settings.judge ? weights.cellClass : 0, () => classLoss(declared, settings)],
  };
  const used = Object.entries(terms).filter(([, [weight]]) => weight > 0);
  if (used.length === 0) throw new CytoError("INTERNAL", "A painter without a loss");
  const losses = Object.fromEntries(used.map(([name, [, loss]]) => [name, loss()]));
  const total = used
    .map(([name, [weight]]) => ops.scale(losses[name]!, weight))
    .reduce((sum, next) => ops.add(sum, next));
  const player = { parameters: declared.painter, loss: total, optimiser: settings.optimiser };
  return { declared, problem: declared.problem(painterName, player, { painter: total, ...losses }) };
};

/** L_class of the crops that the judge, its weights in the graph, is shown. */
const classLoss = (declared: Declaration, settings: PainterSettings): Value => {
  const { ops, graph, painted } = declared;
  const { batch, sidePx } = settings;
  const { cells, weights, network } = settings.judge!;
  const matrices = [cells, cropSidePx, sidePx] as const;
  const sampling: CropSampling = {
    picture: declared.input("cells.picture", [cells, batch]),
    rows: declared.input("cells.rows", matrices),
    columns: declared.input("cells.columns", matrices),
  };
  const labels = declared.input("cells.labels", [cells, leukocyteClasses.length]);
  const crops = ops.shift(ops.scale(cutCrops(ops, painted, sampling), 2), -1);
  return paintedClassLoss(ops, nameCells(new InferenceLayers(graph, weights), crops, network), labels);
};

/**
 * The training of a painter: CGAN, pix2pix, pix2pix+MD or MCGAN, as the settings say (method.md "Objectives":
 * min_G max_D L_CGAN + lambda1 L_L1 + lambda2 L_GS + L_class). Each step is a move of the discriminator, then one of the
 * generator.
 *
 * @throws CytoError INTERNAL where sizes do not fit the networks, or no loss has a weight; CHECKPOINT_INVALID where the
 *   judge lacks a tensor
 */
export const painterProblems = (settings: PainterSettings): PainterProblems => {
  const painting = painterProblem(settings);
  const judging = settings.weights.adversarial > 0 ? criticProblem(settings) : undefined;
  const { painter, critic } = painting.declared;
  const problems = [...(judging ? [judging.problem] : []), painting.problem];
  const sets = critic ? [painter, critic] : [painter];
  return {
    problems,
    painter,
    critic,
    forward: (graph, layers) => declareGenerator(graph, layers, settings),
    initialise: (random) => Object.fromEntries(sets.map((set) => [set.name, set.initialise(random)])),
    moves: (batch, random) => {
      const tensors = tensorsOf(settings, batch, random);
      return problems.map((problem) => ({ problem: problem.name, feeds: feedsOf(problem, tensors, random) }));
    },
  };
};

type Tensors = Readonly<Record<string, Float32Array | Uint8Array>>;

/** The tensors that both moves share, by the names of their inputs. */
const tensorsOf = (settings: PainterSettings, batch: PaintingBatch, random: Random): Tensors => {
  const { pictures, masks, stain, cells } = batch;
  const { sidePx, generator: network, judge } = settings;
  const noise = settings.batch * network.noisePlanes * sidePx * sidePx;
  const shared = { pictures, masks, stain, noise: Float32Array.from({ length: noise }, () => random.normal()) };
  if (!judge) return shared;
  const places = { places: judge.cells, batch: settings.batch, picturePx: sidePx, cropPx: cropSidePx };
  const labels = new Float32Array(judge.cells * leukocyteClasses.length);
  cells.slice(0, judge.cells).forEach(({ classIndex }, place) => {
    labels[place * leukocyteClasses.length + classIndex] = 1;
  });
  const matrices = cropMatrices(cells, places);
  return {
    ...shared,
    "cells.picture": matrices.picture,
    "cells.rows": matrices.rows,
    "cells.columns": matrices.columns,
    "cells.labels": labels,
  };
};

/** What one problem's graph asks for; dropout is drawn anew for each pass. */
const feedsOf = ({ graph, parameterSets }: TrainingProblem, tensors: Tensors, random: Random): Record<string, Feed> => {
  const sets = new Set(parameterSets.map(({ input }) => input));
  const asked = graph.inputs.filter((input) => !sets.has(input));
  return Object.fromEntries(
    asked.map(({ name, type, shape }): [string, Feed] => {
      const known = shape.map(Number);
      const length = known.reduce((product, dim) => product * dim, 1);
      const data = name.startsWith("dropout.") ? dropoutMask(random, length) : tensors[name]!;
      return [name, { type, shape: known, data }];
    }),
  );
};
