import { CytoError, densityClasses } from "../../core/index.js";
import type { MapOutput } from "../clustering/clusterer.js";
import type { PreparedField } from "../field/fieldPreparer.js";
import { type Stretch, splitAxis } from "../field/tiles.js";
import type { DetectorSource } from "../model.js";
import type { Network } from "./network.js";

/** Fields of more px than this are searched in tiles, so that the network's activations stay bounded. */
const wholeFieldPx = 352 * 1024;
/** Greatest side of a tile, px: larger ones are a little faster, their margins being less of them, and take 90 MiB more. */
const tileSide = 400;

interface Tile {
  readonly across: Stretch;
  readonly down: Stretch;
}

/**
 * Runs the detector over a prepared field: at once, or in overlapping tiles whose maps are put together from the middles of
 * the tiles, so that what follows sees one map either way.
 */
export class FieldMapper {
  #density = new Float32Array(0);
  #extent = new Float32Array(0);
  #tile = new Uint8Array(0);

  /** @param stopped whether the field shall be left between two runs of the network */
  constructor(private readonly stopped: () => boolean) {}

  /** @throws CytoError DETECTION_FAILED, DETECTOR_CLOSED where it was stopped */
  async map(network: Network<DetectorSource>, field: PreparedField): Promise<MapOutput> {
    const { stride } = network.source;
    const { paddedWidth, paddedHeight } = field;
    const common = {
      width: paddedWidth / stride,
      height: paddedHeight / stride,
      stride,
      fieldWidth: field.width,
      fieldHeight: field.height,
    };
    if (paddedWidth * paddedHeight <= wholeFieldPx) {
      const outputs = await network.run(field.bytes, [1, paddedHeight, paddedWidth, 4]);
      return { ...common, density: outputs.density!, extent: outputs.extent! };
    }
    const pixels = common.width * common.height;
    if (this.#density.length < densityClasses.length * pixels) {
      this.#density = new Float32Array(densityClasses.length * pixels);
      this.#extent = new Float32Array(4 * densityClasses.length * pixels);
    }
    const map = { ...common, density: this.#density, extent: this.#extent };
    for (const down of splitAxis(paddedHeight, tileSide))
      for (const across of splitAxis(paddedWidth, tileSide))
        await this.#mapTile(network, field, { tile: { across, down }, map });
    return map;
  }

  async #mapTile(
    network: Network<DetectorSource>,
    field: PreparedField,
    { tile, map }: { tile: Tile; map: MapOutput },
  ): Promise<void> {
    if (this.stopped()) throw new CytoError("DETECTOR_CLOSED", "the field was left half way");
    const { across, down } = tile;
    const rowBytes = across.length * 4;
    if (this.#tile.length < rowBytes * down.length) this.#tile = new Uint8Array(rowBytes * down.length);
    const bytes = this.#tile.subarray(0, rowBytes * down.length);
    for (let row = 0; row < down.length; row++) {
      const from = ((down.start + row) * field.paddedWidth + across.start) * 4;
      bytes.set(field.bytes.subarray(from, from + rowBytes), row * rowBytes);
    }
    const outputs = await network.run(bytes, [1, down.length, across.length, 4]);
    copyKept(outputs.density!, map.density, { tile, map, planes: densityClasses.length });
    copyKept(outputs.extent!, map.extent, { tile, map, planes: 4 * densityClasses.length });
  }
}

const copyKept = (
  from: Float32Array,
  to: Float32Array,
  { tile: { across, down }, map, planes }: { tile: Tile; map: MapOutput; planes: number },
): void => {
  const { stride } = map;
  const width = across.length / stride;
  const height = down.length / stride;
  const left = (across.keepFrom - across.start) / stride;
  const right = (across.keepTo - across.start) / stride;
  for (let plane = 0; plane < planes; plane++)
    for (let row = down.keepFrom / stride; row < down.keepTo / stride; row++) {
      const source = (plane * height + row - down.start / stride) * width;
      const target = (plane * map.height + row) * map.width + across.keepFrom / stride;
      to.set(from.subarray(source + left, source + right), target);
    }
};
