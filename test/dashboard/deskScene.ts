import sharp from "sharp";
import type { Cell, LabelledCell } from "../../src/core/index.js";
import { memoryDesks } from "../publication/desks/index.js";
import { sampleCells, sampleFrame } from "../publication/samples.js";

const [width, height] = [640, 480];

const insideOnly = ({ box }: Cell): boolean =>
  box.left >= 0 && box.top >= 0 && box.right <= width && box.bottom <= height;

const labelled = ({ cellClass, box }: Cell): LabelledCell => ({
  cellClass,
  box: {
    left: Math.round(box.left),
    top: Math.round(box.top),
    right: Math.round(box.right),
    bottom: Math.round(box.bottom),
  },
});

/** A painted field and the cells that are whole in it. */
const field = async (seed: number): Promise<{ jpeg: Buffer; cells: LabelledCell[] }> => {
  const cells = sampleCells(seed, width, height, 24).filter(insideOnly);
  const { pixels } = sampleFrame(seed, cells, width, height);
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
  return { jpeg, cells: cells.map(labelled) };
};

/** A laboratory in the middle of its day: fields to look at, one training that ran, a model that came of it. */
export const deskScene = async (fields = 6) => {
  const { labels, jobs, models } = memoryDesks();
  for (let seed = 1; seed <= fields; seed++) {
    const { jpeg, cells } = await field(seed);
    const { sha256 } = await labels.addPicture(jpeg);
    await labels.submit({
      id: `proposal-${seed}`,
      picture: sha256,
      cells,
      state: "proposed",
      author: "unet@1.0.0",
      umPerPixel: 0.1,
      origin: { slide: `slide ${1 + (seed % 2)}`, device: "virtual", model: "unet@1.0.0" },
    });
  }
  const first = await jobs.start("MK");
  await jobs.finish(first.id, "unet@1.1.0");
  models.train("1.1.0", "unet@1.0.0", first.id);
  await models.promote("unet@1.1.0", "gate", "P is better by 3.4 points, at least 1.9.");
  const second = await jobs.start("rule");
  await jobs.advance(second.id, 0.62);
  const keep = async ({ id, author }: { readonly id: string; readonly author: string | undefined }) => {
    const { jpeg, cells } = await field(100);
    const { sha256 } = await labels.addPicture(jpeg);
    return labels.submit({ id, picture: sha256, cells, state: "proposed", author: author ?? "unet@1.1.0" });
  };
  return { desks: { labels, jobs, models, keep }, running: second.id };
};
