import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CytoError, modelsDirectory } from "../../core/index.js";
import { readConstants } from "../../engine/onnx/index.js";
import { type CellClassifierOptions, unfoldedConv, type Weights } from "../../networks/index.js";
import { findModel, loadClassifierModel } from "../../registry/index.js";
import type { Judge } from "./settings.js";

/** A judge and where it comes from. */
export interface LoadedJudge extends Judge {
  readonly name: string;
  readonly version: string;
  /** Of its ONNX file: part of what decides a training's course. */
  readonly sha256: string;
}

/** Crops that the judge is shown in a step: two a field. */
const judgedCells = 8;
const levels = 4;

/** Constants are numbered as they are made; the name is what is before. */
const plainName = (name: string): string => name.replace(/_\d+$/, "");

/**
 * The weights of a shipped classifier, normalisations folded, as a network in training takes them.
 * @throws CytoError MODEL_INVALID where the file is not of the classifier's network
 */
const weightsOf = (file: Uint8Array, origin: string): { weights: Weights; network: CellClassifierOptions } => {
  const tensors = new Map(readConstants(file).map((tensor) => [plainName(tensor.name), tensor]));
  const dataOf = (name: string): Float32Array => {
    const found = tensors.get(name);
    if (!found) throw new CytoError("MODEL_INVALID", `${origin} has no tensor ${name}: it is no classifier of cells`);
    return found.data;
  };
  const weights = new Map<string, Float32Array>();
  const widths: number[] = [];
  for (let level = 0; level < levels; level += 1) {
    for (const part of ["a", "b"]) {
      const name = `level${level}${part}`;
      const conv = { weight: dataOf(`${name}.weight`), bias: dataOf(`${name}.bias`) };
      for (const [key, value] of unfoldedConv(name, conv)) weights.set(key, value);
      if (part === "a") widths.push(conv.bias.length);
    }
  }
  for (const name of ["class.weight", "class.bias"]) weights.set(name, dataOf(name));
  return { weights, network: { widths: widths as unknown as CellClassifierOptions["widths"] } };
};

const hasManifest = (directory: string): Promise<boolean> =>
  readFile(join(directory, "manifest.json")).then(
    () => true,
    () => false,
  );

/**
 * The classifier that names painted leukocytes: the newest one that is shipped, or that of a model's or a training's folder.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID
 */
export const loadJudge = async (directory?: string): Promise<LoadedJudge> => {
  const named = directory === undefined ? await findModel(modelsDirectory(), "cells") : resolve(directory);
  const inside = join(named, "model");
  const folder = !(await hasManifest(named)) && (await hasManifest(inside)) ? inside : named;
  const { ref, filePath } = await loadClassifierModel(folder);
  return { ...ref, ...weightsOf(await readFile(filePath), filePath), cells: judgedCells };
};
