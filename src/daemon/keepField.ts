import { randomUUID } from "node:crypto";
import type { LabelDesk, LabelReceipt, LabelSubmission } from "../labels/index.js";
import { encodePng } from "../pictures/index.js";
import type { CountedFrame } from "./messages.js";

/** Nearest box of whole tenths of a pixel within the picture. */
const within = (value: number, most: number): number => Math.min(Math.max(Math.round(value * 10) / 10, 0), most);

/** What the detector saw of a field, as a proposal to be reviewed; cells that lie outside the picture are left out. */
export const proposalOf = (
  { frame, detection }: CountedFrame,
  { picture, author, id = randomUUID() }: { readonly picture: string; readonly author: string; readonly id?: string },
): LabelSubmission => {
  const { detector, classifier } = detection.models;
  const nameOf = ({ name, version }: { name: string; version: string }): string => `${name}@${version}`;
  return {
    id,
    picture,
    state: "proposed",
    author,
    umPerPixel: detection.scale.umPerPixel,
    origin: {
      slide: `${frame.camera} ${frame.source}`.slice(0, 200),
      device: `${frame.camera}${frame.simulated ? " (simulated)" : ""}`.slice(0, 200),
      model: [detector, ...(classifier ? [classifier] : [])].map(nameOf).join(", ").slice(0, 200),
    },
    cells: detection.cells.flatMap(({ cellClass, box, confidence, leukocyteProbabilities }) => {
      const cut = {
        left: within(box.left, frame.width),
        top: within(box.top, frame.height),
        right: within(box.right, frame.width),
        bottom: within(box.bottom, frame.height),
      };
      if (cut.right - cut.left < 1 || cut.bottom - cut.top < 1) return [];
      const probabilities = leukocyteProbabilities ? { probabilities: leukocyteProbabilities } : {};
      return [{ cellClass, box: cut, confidence, ...probabilities }];
    }),
  };
};

/**
 * Keeps a field for review: its picture, without loss, and what the detector saw in it.
 * @throws CytoError those of `LabelDesk.addPicture` and `submit`
 */
export const keepField = async (
  labels: LabelDesk,
  field: CountedFrame,
  by: { readonly author: string; readonly id?: string },
): Promise<LabelReceipt> => {
  const { sha256 } = await labels.addPicture(await encodePng(field.frame));
  return labels.submit(proposalOf(field, { picture: sha256, ...by }));
};
