import { join } from "node:path";
import { type OpenLabelDesk, pictureFile } from "../labels/index.js";
import type { LaboratoryPaths } from "../store/index.js";
import type { SnapshotField } from "../training/jobs/index.js";

/** The confirmed fields as trainings take them, in the order in which they came; look-alikes have been looked for. */
export const confirmedFields = async (labels: OpenLabelDesk, paths: LaboratoryPaths): Promise<SnapshotField[]> => {
  await labels.grouped();
  const fields: SnapshotField[] = [];
  for await (const { field, revision, picture, cells, state, atMs, umPerPixel, origin, group } of labels.walk()) {
    if (state !== "confirmed") continue;
    fields.push({
      id: field,
      revision,
      picturePath: join(paths.pictures, pictureFile(picture)),
      sha256: picture.sha256,
      widthPx: picture.widthPx,
      heightPx: picture.heightPx,
      cells,
      atMs,
      ...(umPerPixel === undefined ? {} : { umPerPixel }),
      ...(group === undefined ? {} : { group }),
      ...(origin.slide === undefined ? {} : { slide: origin.slide }),
    });
  }
  return fields;
};
