import { type Cell, CytoError, densityClasses } from "../../core/index.js";
import { DensityClusterer, type MapOutput } from "../clustering/clusterer.js";
import type { DensityMap, DetectionTimings, FieldScale } from "../detection.js";
import { FieldPreparer, fieldSizeOf, type PicturePart } from "../field/fieldPreparer.js";
import type { RgbSource } from "../field/resampler.js";
import type { ClassifierSource, DetectorSource } from "../model.js";
import { measureRedCells, type RedCells } from "../scale/redCells.js";
import { confirms, disagreement, enoughRedCells, isTelling, redCellUm, searchRedCells } from "../scale/search.js";
import { CellNamer } from "./cellNamer.js";
import { FieldMapper } from "./fieldMap.js";
import type { Network } from "./network.js";

/** What is known of a frame's scale before it is searched. */
export type ScaleRequest =
  | { readonly kind: "known"; readonly scale: FieldScale }
  | { readonly kind: "estimate"; readonly redCellPx: number | undefined; readonly maySearch: boolean };

export interface SearchRequest {
  readonly picture: RgbSource;
  readonly scale: ScaleRequest;
  readonly density: boolean;
  /** Where red cells do not confirm a scale that is known, searches all scales for one that they do. */
  readonly searchScale?: boolean | undefined;
}

export interface SearchResult {
  readonly cells: Cell[];
  readonly scale: FieldScale;
  readonly timings: DetectionTimings;
  readonly density?: DensityMap;
  /** What the red cells of this field measure, and whether all scales had to be looked at. */
  readonly seen: Pick<RedCells, "diameterPx" | "count"> & { readonly searched: boolean; readonly telling: boolean };
}

export interface Networks {
  readonly detector: Network<DetectorSource>;
  readonly classifier?: Network<ClassifierSource>;
}

/** Where nothing tells the scale: a 100x objective on a usual camera. */
const fallbackRedCellPx = 75;
/** Side of the middle part that is looked at while the scale is searched, field px: about ten red cells. */
const lookSide = 320;
/** The scale that was assumed is kept while the cells agree with it this well. */
const agreed = 0.08;
const mostRounds = 3;
/** More than this at the model's scale is a slip of the um per pixel: 1 mm by 1.3 mm. */
const mostFieldPx = 24_000_000;
const basinFloorShare = 0.25;

interface Clock {
  preprocessMs: number;
  inferenceMs: number;
  clusteringMs: number;
  classificationMs: number;
}

/** The whole way of one field through the networks, within one thread. Reuses its memory from field to field. */
export class FieldSearcher {
  readonly #preparer = new FieldPreparer();
  readonly #mapper: FieldMapper;
  readonly #namer = new CellNamer();
  #clusterer = new DensityClusterer(0, densityClasses.length);

  /** @param stopped whether the search of a field shall be left between two runs of the network */
  constructor(stopped: () => boolean = () => false) {
    this.#mapper = new FieldMapper(stopped);
  }

  /** @throws CytoError DETECTION_FAILED, DETECTOR_CLOSED where it was stopped */
  async search(networks: Networks, request: SearchRequest): Promise<SearchResult> {
    const clock: Clock = { preprocessMs: 0, inferenceMs: 0, clusteringMs: 0, classificationMs: 0 };
    const { picture } = request;
    const look = (redCellPx: number): Promise<RedCells> => this.#look({ networks, picture, clock }, redCellPx);
    let searched = false;
    const searchAll = async (): Promise<RedCells | undefined> => {
      searched = true;
      return searchRedCells(look, picture);
    };
    const { map, framePixels, red } = await this.#atItsScale({ networks, picture, clock }, request.scale, searchAll);
    const { source } = networks.detector;
    const umPerPixel = source.umPerPixel / framePixels;
    const scale: FieldScale =
      request.scale.kind === "known" ? request.scale.scale : { umPerPixel, origin: "estimated" };
    let cells = this.#cells(framePixels, picture);
    if (networks.classifier) {
      const start = performance.now();
      cells = await this.#namer.name(cells, { picture, umPerPixel }, networks.classifier);
      clock.classificationMs += performance.now() - start;
    }
    // Before another look, which has the map's memory.
    const density = request.density ? { density: densityOf(map, framePixels) } : {};
    const confirmed = confirms(red, redCellUm / umPerPixel);
    const found = request.searchScale === true && !confirmed ? await searchAll() : undefined;
    const { diameterPx, count } = found ?? red;
    const seen = { diameterPx, count, searched, telling: found === undefined ? confirmed : isTelling(found) };
    return { cells, scale, timings: clock, seen, ...density };
  }

  /** Searches the picture at the scale that is known, or at the one that its red cells agree with. */
  async #atItsScale(
    context: LookContext,
    scale: ScaleRequest,
    searchAll: () => Promise<RedCells | undefined>,
  ): Promise<{ map: MapOutput; framePixels: number; red: RedCells }> {
    const { source } = context.networks.detector;
    if (scale.kind === "known") return this.#run(context, source.umPerPixel / scale.scale.umPerPixel);
    const perRedCell = (redCellPx: number): number => (redCellPx * source.umPerPixel) / redCellUm;
    let redCellPx =
      scale.redCellPx ?? (scale.maySearch ? (await searchAll())?.diameterPx : undefined) ?? fallbackRedCellPx;
    let mayStillSearch = scale.redCellPx !== undefined && scale.maySearch;
    let result = await this.#run(context, perRedCell(redCellPx));
    for (let round = 1; round < mostRounds; round++) {
      let next = result.red.diameterPx;
      if (result.red.count < enoughRedCells) {
        if (!mayStillSearch) break;
        mayStillSearch = false;
        next = (await searchAll())?.diameterPx ?? redCellPx;
        // The search has used the workspaces: the field's own map must be made again.
      } else if (disagreement(next, redCellPx) <= agreed) {
        break;
      }
      redCellPx = next;
      result = await this.#run(context, perRedCell(redCellPx));
    }
    return result;
  }

  /** Looks at the middle of the picture as if its red cells were `redCellPx` across. */
  async #look(context: LookContext, redCellPx: number): Promise<RedCells> {
    const { source } = context.networks.detector;
    const framePixels = (redCellPx * source.umPerPixel) / redCellUm;
    const side = lookSide * framePixels;
    const { picture } = context;
    const width = Math.min(picture.width, side);
    const height = Math.min(picture.height, side);
    const part = { originX: (picture.width - width) / 2, originY: (picture.height - height) / 2, width, height };
    return (await this.#run(context, framePixels, part)).red;
  }

  /** Prepares, maps and clusters (a part of) the picture; the cells are in the clusterer. */
  async #run(
    { networks, picture, clock }: LookContext,
    framePixels: number,
    part?: PicturePart,
  ): Promise<{ map: MapOutput; framePixels: number; red: RedCells }> {
    const start = performance.now();
    const size = fieldSizeOf(part ?? picture, framePixels);
    if (!(size.paddedWidth * size.paddedHeight <= mostFieldPx))
      throw new CytoError(
        "DETECTION_FAILED",
        `the field would be ${size.width} x ${size.height} px at the model's scale`,
        {
          remedy: "Check the um per pixel: it makes the field much larger than any microscope's.",
        },
      );
    const field = this.#preparer.prepare(picture, framePixels, part);
    const prepared = performance.now();
    const map = await this.#mapper.map(networks.detector, field);
    const mapped = performance.now();
    const pixels = map.width * map.height;
    if (this.#clusterer.maxMapPixels < pixels) this.#clusterer = new DensityClusterer(pixels, densityClasses.length);
    const { source } = networks.detector;
    this.#clusterer.cluster(map, {
      thresholds: densityClasses.map((name) => source.thresholds[name]),
      floorShare: basinFloorShare,
      nms: { withinClass: source.nmsWithinClass, acrossClasses: source.nmsAcrossClasses },
      averageExtent: true,
    });
    clock.preprocessMs += prepared - start;
    clock.inferenceMs += mapped - prepared;
    clock.clusteringMs += performance.now() - mapped;
    return { map, framePixels, red: measureRedCells(this.#clusterer.cells, field) };
  }

  /** The clusterer's cells in px of the picture, the surest first. */
  #cells(framePixels: number, picture: RgbSource): Cell[] {
    const { cells } = this.#clusterer;
    const toX = (x: number): number => Math.min(picture.width, x * framePixels);
    const toY = (y: number): number => Math.min(picture.height, y * framePixels);
    return Array.from(cells.order.subarray(0, cells.keptCount), (i): Cell => {
      const name = densityClasses[cells.classIndex[i]!]!;
      return {
        cellClass: name,
        densityClass: name,
        centre: { x: toX(cells.x[i]!), y: toY(cells.y[i]!) },
        box: {
          left: toX(cells.left[i]!),
          top: toY(cells.top[i]!),
          right: toX(cells.right[i]!),
          bottom: toY(cells.bottom[i]!),
        },
        confidence: cells.confidence[i]!,
        mass: cells.mass[i]!,
      };
    });
  }
}

interface LookContext {
  readonly networks: Networks;
  readonly picture: RgbSource;
  readonly clock: Clock;
}

/** The part of a map that lies in the picture, in memory of its own. */
const densityOf = (map: MapOutput, framePixels: number): DensityMap => {
  const width = Math.min(map.width, Math.ceil(map.fieldWidth / map.stride));
  const height = Math.min(map.height, Math.ceil(map.fieldHeight / map.stride));
  const planes = new Float32Array(densityClasses.length * width * height);
  for (let plane = 0; plane < densityClasses.length; plane++)
    for (let row = 0; row < height; row++) {
      const from = (plane * map.height + row) * map.width;
      planes.set(map.density.subarray(from, from + width), (plane * height + row) * width);
    }
  return { classes: densityClasses, width, height, framePixelsPerMapPixel: framePixels * map.stride, planes };
};
