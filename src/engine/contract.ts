import type { ElementType, Graph, Value } from "./onnx/index.js";

/** A parameter: a named stretch of a parameter set's flat vector. */
export interface ParameterEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
  /** Weight decay applies to it (weights yes, biases and scales of normalisations no). */
  readonly decays: boolean;
}

/** The parameters of one network: one flat float32 vector, and the running statistics of its normalisations. */
export interface ParameterSetDefinition {
  readonly name: string;
  readonly entries: readonly ParameterEntry[];
  readonly length: number;
  /** The graph's input that holds the flat vector [length]. */
  readonly input: Value;
  /** Batch statistics computed in the graph, in the order of the statistics vector. */
  readonly statistics: readonly { readonly name: string; readonly value: Value }[];
  readonly statisticsLength: number;
}

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay (Loshchilov & Hutter 2019); 0 gives Adam. */
  readonly weightDecay: number;
  /** Bound of the gradient's global L2 norm; Infinity for none. */
  readonly clipNorm: number;
}

/** A network that a step trains: which parameters move, down which loss. Networks without a player are frozen. */
export interface Player {
  readonly parameters: ParameterSetDefinition;
  readonly loss: Value;
  readonly optimiser: AdamOptions;
  /** Part of the step's learning rate at which this player moves; 1 by default. Weight decay goes with it. */
  readonly ratePart?: number;
}

/**
 * One kind of training step over a forward graph: the players that move in it, and the scalars to report. Alternating
 * training (a GAN) is several problems over the same parameter sets.
 */
export interface TrainingProblem {
  readonly name: string;
  readonly graph: Graph;
  /** Every parameter set that the graph reads, frozen ones included. */
  readonly parameterSets: readonly ParameterSetDefinition[];
  readonly players: readonly Player[];
  /** Float32 scalars by name. */
  readonly losses: Readonly<Record<string, Value>>;
  /** Other tensors to read back by name, such as generated pictures. */
  readonly observations?: Readonly<Record<string, Value>>;
}

export type TensorData = Float32Array | Uint8Array | Int32Array;

export interface Feed {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface StepRequest {
  /** Name of the problem. */
  readonly problem: string;
  /** The graph's inputs other than parameters. */
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly learningRate: number;
  /** Decay of the moving average of the weights and statistics in this step. */
  readonly averageDecay: number;
}

export interface StepResult {
  readonly losses: Readonly<Record<string, number>>;
  /** L2 norm of each player's gradient before clipping, by parameter set. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  readonly observations: Readonly<Record<string, Float32Array>>;
}

/** Everything that training changes in one network, as flat vectors. */
export interface ParameterState {
  readonly parameters: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Moving average of the parameters: the network that is used. */
  readonly average: Float32Array;
  /** Moving average of the normalisations' statistics. */
  readonly statistics: Float32Array;
  /** Number of optimiser steps taken. */
  readonly steps: number;
}

/** A loaded training: steps one at a time; state can be read and put back bit for bit. */
export interface TrainingRun extends AsyncDisposable {
  /** @throws CytoError TRAINING_DIVERGED where a loss or gradient is not finite; the state is then unchanged */
  step(request: StepRequest): Promise<StepResult>;
  readState(): Promise<Readonly<Record<string, ParameterState>>>;
  writeState(states: Readonly<Record<string, ParameterState>>): Promise<void>;
}

export interface TrainingEngine {
  readonly name: "onnxruntime" | "tfjs";
  load(problems: readonly TrainingProblem[], initial: Readonly<Record<string, ParameterState>>): Promise<TrainingRun>;
}
