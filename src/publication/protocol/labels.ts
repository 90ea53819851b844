import { z } from "zod";
import { CytoError } from "../../core/index.js";
import { labelLimits, parseLabel, reviewStates } from "../../labels/index.js";
import { cellClassSchema } from "./results.js";

/** Schemas of labelled fields: what is handed in over the stream and over HTTP, and what is answered. */

const natural = z.int().nonnegative();

/** Id that the client gives to a message of its own. */
export const messageIdSchema = z.string().min(1).max(100);
export const authorSchema = z.string().min(1).max(100).describe("Who: name or initials; never a patient's.");
export const sha256Schema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe("SHA-256 of the picture's bytes, lower-case hexadecimal.");

export const boxSchema = z
  .strictObject({ left: z.number(), top: z.number(), right: z.number(), bottom: z.number() })
  .describe("Px of the picture; right and bottom are exclusive.");

const share = z.number().min(0).max(1);

export const labelledCellSchema = z.strictObject({
  cellClass: cellClassSchema,
  box: boxSchema,
  confidence: share.optional().describe("How sure a detector was that a cell is here."),
  probabilities: z.partialRecord(cellClassSchema, share).optional().describe("Of the classes that it may be."),
});

const originText = z.string().min(1).max(200);
export const originSchema = z
  .strictObject({
    slide: originText.describe("Fields of one slide are never split between training and validation."),
    scan: originText,
    device: originText.describe("Camera."),
    model: originText.describe("`name@version` of the model whose proposal was corrected."),
    file: originText.describe("Of an import."),
  })
  .partial()
  .describe("Where the field came from; never a patient's name.");

export const reviewStateSchema = z
  .enum(reviewStates)
  .describe(
    "proposed: nobody has looked; corrected: changed and not done; confirmed: every cell vouched for; " +
      "unidentified: not to be told; rejected: of no use.",
  );

export const labelSubmission = {
  id: messageIdSchema.describe("The client's own: sent again, it changes nothing."),
  field: messageIdSchema.optional().describe("The field that is changed; absent for a new one."),
  picture: sha256Schema.optional().describe("Sent before; absent where `field` is given."),
  cells: z.array(labelledCellSchema).max(labelLimits.cells),
  state: reviewStateSchema,
  author: authorSchema,
  umPerPixel: z.number().positive().max(100).optional(),
  origin: originSchema.optional(),
  basedOn: z.int().positive().optional().describe("Revision that was changed; another one since is a LABEL_CONFLICT."),
};
export const labelSubmissionSchema = z.strictObject(labelSubmission);

const maxFaultLength = 300;

/** What the desk itself would say against a label, or undefined where it has nothing against it. */
export const labelFault = (label: unknown): string | undefined => {
  try {
    parseLabel(label);
    return undefined;
  } catch (error) {
    return CytoError.from(error).message.slice(0, maxFaultLength);
  }
};

export const labelReceipt = {
  id: messageIdSchema,
  field: z.string(),
  revision: z.int().positive(),
  repeated: z.boolean().describe("The same was sent before."),
};
export const labelReceiptSchema = z.strictObject(labelReceipt);

export const storedPictureSchema = z.strictObject({
  sha256: sha256Schema,
  mediaType: z.enum(["image/jpeg", "image/png", "image/tiff", "image/bmp"]),
  bytes: natural,
  widthPx: z.int().positive().describe("As it is shown (EXIF orientation applied)."),
  heightPx: z.int().positive(),
});

const milliseconds = z.number().describe("Milliseconds since the epoch.");

export const fieldRecordSchema = z.strictObject({
  field: z.string(),
  revision: z.int().positive().describe("From 1; none is ever overwritten."),
  picture: storedPictureSchema,
  cells: z.array(labelledCellSchema),
  state: reviewStateSchema,
  author: z.string(),
  atMs: milliseconds,
  umPerPixel: z.number().positive().optional(),
  origin: originSchema,
  group: z.string().optional().describe("Look-alikes share it; absent until it was looked for."),
});

export const fieldPageSchema = z.strictObject({
  fields: z.array(fieldRecordSchema).describe("Newest change first."),
  cursor: z.string().optional().describe("For `after` of the next page; absent on the last."),
});

export const reviewOfferSchema = z.strictObject({
  field: fieldRecordSchema,
  gain: z.number().describe("Expected gain of a review, without unit."),
  reasons: z.array(
    z.strictObject({
      kind: z.enum(["uncertainty", "disagreement", "rarity", "novelty"]),
      gain: z.number(),
      text: z.string(),
    }),
  ),
});

export const labelStatsSchema = z.strictObject({
  fields: z.record(z.enum(reviewStates), natural).describe("Fields by state."),
  cells: z.record(z.string(), natural).describe("Cells of confirmed fields, by class."),
  authors: natural,
  groups: natural.describe("Groups of look-alikes."),
  bytes: natural.describe("Of the pictures."),
});

/** Fields listed in one message of `labels`. */
export const maxChangesListed = 100;

export const labelsBody = {
  stats: labelStatsSchema,
  changes: natural.describe("Revisions committed since the message before."),
  changed: z
    .array(
      z.strictObject({
        field: z.string(),
        revision: z.int().positive(),
        state: reviewStateSchema,
        author: z.string(),
        atMs: milliseconds,
      }),
    )
    .max(maxChangesListed)
    .describe("The newest of them; fewer than `changes` where there were too many for a message."),
};
