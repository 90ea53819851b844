import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { migrations } from "../../src/labels/database/schema.js";
import type { FieldRecord } from "../../src/labels/index.js";
import { PictureLooker } from "../../src/labels/pictureLooker.js";
import { encodeJpeg, encodePng, type Picture } from "../../src/pictures/index.js";
import { openConnection } from "../../src/store/connection.js";
import { laboratoryPaths } from "../../src/store/index.js";
import { migrate } from "../../src/store/migrate.js";
import { cell, jpegOf, labelOf, openLaboratory, smear, someCells, temporaryRoot } from "./smear.js";

const codeOf = async (act: Promise<unknown>): Promise<string | undefined> =>
  act.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );

/** Whole by its segments; no decoder can read it: where the tables of quantisation were, there is a comment. */
const withoutTables = (jpeg: Uint8Array): Uint8Array => {
  const bytes = Uint8Array.from(jpeg);
  for (let at = 2; bytes[at + 1] !== 0xda; at += 2 + 256 * bytes[at + 2]! + bytes[at + 3]!)
    if (bytes[at + 1] === 0xdb) bytes[at + 1] = 0xfe;
  return bytes;
};

describe("pictures", () => {
  it("are kept under the hash of their bytes, once, and come back as they were", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const bytes = await jpegOf(1);
    const [first, second] = await Promise.all([desk.addPicture(bytes), desk.addPicture(bytes)]);
    expect(first).toEqual(second);
    expect(first).toMatchObject({ mediaType: "image/jpeg", bytes: bytes.length, widthPx: 160, heightPx: 120 });
    expect(await desk.addPicture(bytes)).toEqual(first);
    const read = await desk.picture(first.sha256);
    expect(Buffer.from(read!.bytes).equals(Buffer.from(bytes))).toBe(true);
    expect(await desk.picture("0".repeat(64))).toBeUndefined();
    expect(await desk.stats()).toMatchObject({ bytes: bytes.length });
  });

  it("that cannot be decoded are refused and leave nothing", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const bytes = await jpegOf(1);
    expect(await codeOf(laboratory.desk.addPicture(bytes.subarray(0, 400)))).toBe("IMAGE_UNREADABLE");
    expect(await codeOf(laboratory.desk.addPicture(new Uint8Array(0)))).toBe("IMAGE_UNREADABLE");
    expect(await laboratory.desk.stats()).toMatchObject({ bytes: 0 });
  });

  it("that are found to be none when they are looked at take their fields with them, once and for all", async () => {
    await using folder = await temporaryRoot();
    const bytes = withoutTables(await jpegOf(1));
    const unreadable = (act: Promise<unknown>) => expect(act).rejects.toMatchObject({ code: "IMAGE_UNREADABLE" });
    let sha256: string;
    let field: string;
    {
      await using laboratory = await openLaboratory(folder.root);
      const { desk } = laboratory;
      ({ sha256 } = await desk.addPicture(bytes));
      ({ field } = await desk.submit(labelOf({ picture: sha256 })));
      const sound = await desk.addPicture(await jpegOf(2));
      const other = await desk.submit(labelOf({ picture: sound.sha256 }));
      await desk.grouped();
      expect(await desk.field(other.field)).toMatchObject({
        state: "confirmed",
        revision: 1,
        group: expect.any(String),
      });
    }
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    await desk.grouped();
    const record = await desk.field(field);
    expect(record).toMatchObject({ state: "rejected", author: "cytostream", revision: 2, cells: someCells });
    expect(await desk.stats()).toMatchObject({ fields: { confirmed: 1, rejected: 1 } });
    await unreadable(desk.addPicture(bytes));
    await unreadable(desk.submit(labelOf({ picture: sha256 })));
    await unreadable(desk.submit(labelOf({ field })));
    expect(await desk.field(field)).toEqual(record);
  });

  it("that nobody had looked at when the program ended are looked at by the next one", async () => {
    await using folder = await temporaryRoot();
    let field: string;
    {
      await using laboratory = await openLaboratory(folder.root);
      const { sha256 } = await laboratory.desk.addPicture(await jpegOf(1));
      ({ field } = await laboratory.desk.submit(labelOf({ picture: sha256, state: "proposed" })));
    }
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const confirmed = await desk.addPicture(await jpegOf(2));
    await desk.submit(labelOf({ picture: confirmed.sha256 }));
    await desk.grouped();
    expect(await desk.field(field)).toHaveProperty("group");
    const [offer] = await desk.next(1);
    expect(offer?.field.field).toBe(field);
    // Its stain was compared with that of the confirmed one.
    expect(offer?.reasons.map(({ kind }) => kind)).toContain("novelty");
  });

  it("whose file was lost are taken again", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const bytes = await jpegOf(2);
    const { sha256 } = await laboratory.desk.addPicture(bytes);
    await rm(laboratory.paths.pictures, { recursive: true });
    await mkdir(join(laboratory.paths.pictures, sha256.slice(0, 2)), { recursive: true });
    expect(await laboratory.desk.picture(sha256)).toBeUndefined();
    await laboratory.desk.addPicture(bytes);
    expect((await laboratory.desk.picture(sha256))?.bytes.length).toBe(bytes.length);
  });
});

describe("labels", () => {
  it("become revisions of a field; none is overwritten", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const { sha256 } = await desk.addPicture(await jpegOf(1));
    const proposal = labelOf({
      picture: sha256,
      state: "proposed",
      author: "unet",
      umPerPixel: 0.1,
      origin: { slide: "S1", device: "cam" },
    });
    const first = await desk.submit(proposal);
    expect(first).toMatchObject({ id: proposal.id, revision: 1, repeated: false });
    const { field } = first;
    const second = await desk.submit(labelOf({ field, basedOn: 1, cells: [someCells[0]!], origin: { scan: "7" } }));
    expect(second).toMatchObject({ field, revision: 2 });
    const revisions = await desk.revisions(field);
    expect(revisions.map(({ revision, state, author, cells }) => [revision, state, author, cells.length])).toEqual([
      [1, "proposed", "unet", 2],
      [2, "confirmed", "AB", 1],
    ]);
    const newest = await desk.field(field);
    expect(newest).toMatchObject({ revision: 2, umPerPixel: 0.1, origin: { slide: "S1", device: "cam", scan: "7" } });
    expect(await desk.stats()).toMatchObject({
      fields: { proposed: 0, corrected: 0, confirmed: 1, unidentified: 0, rejected: 0 },
      cells: { erythrocyte: 1 },
      authors: 2,
    });
    expect(await desk.field("nothing")).toBeUndefined();
    expect(await desk.revisions("nothing")).toEqual([]);
  });

  it("sent ten times at once are one row; with other content they are refused", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const { sha256 } = await desk.addPicture(await jpegOf(1));
    const label = labelOf({ picture: sha256 });
    const receipts = await Promise.all(Array.from({ length: 10 }, () => desk.submit(structuredClone(label))));
    expect(new Set(receipts.map(({ field }) => field)).size).toBe(1);
    expect(receipts.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect((await desk.list({ limit: 10 })).fields).toHaveLength(1);
    expect(await codeOf(desk.submit({ ...label, author: "CD" }))).toBe("LABEL_CONFLICT");
    expect(await desk.stats()).toMatchObject({ fields: { confirmed: 1 }, authors: 1 });
  });

  it("are refused with a code, and those beside them taken", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const { sha256 } = await desk.addPicture(await jpegOf(1));
    const { field } = await desk.submit(labelOf({ picture: sha256 }));
    const codes = await Promise.all(
      [
        labelOf({ picture: sha256, cells: [cell("erythrocyte", 150, 10)] }),
        labelOf({ picture: sha256, cells: [cell("erythrocyte", 10, 10, Number.NaN)] }),
        labelOf({ picture: "f".repeat(64) }),
        labelOf({ field: "nothing" }),
        labelOf({ field, basedOn: 2 }),
        labelOf({ picture: sha256 }),
        labelOf({ field, basedOn: 1 }),
        labelOf({ field, basedOn: 1 }),
      ].map((label) => codeOf(desk.submit(label))),
    );
    expect(codes).toEqual([
      ...["LABEL_INVALID", "LABEL_INVALID", "LABEL_PICTURE_UNKNOWN", "LABEL_FIELD_UNKNOWN", "LABEL_CONFLICT"],
      ...[undefined, undefined, "LABEL_CONFLICT"],
    ]);
    expect(await desk.stats()).toMatchObject({ fields: { confirmed: 2 } });
  });

  it("are listed newest change first, by state, class and group, page by page", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const { sha256 } = await desk.addPicture(await jpegOf(1));
    const states = ["proposed", "confirmed", "rejected"] as const;
    const fields: string[] = [];
    for (let index = 0; index < 30; index++) {
      const cells = index % 5 === 0 ? [cell("basophil", 5, 5)] : someCells;
      fields.push((await desk.submit(labelOf({ picture: sha256, state: states[index % 3]!, cells }))).field);
    }
    await desk.grouped();
    const { group } = (await desk.field(fields[0]!))!;
    const newestFirst = [...fields].reverse();
    const collect = async (query: Parameters<typeof desk.list>[0]): Promise<string[]> => {
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await desk.list({ ...query, after });
        found.push(...page.fields.map(({ field }) => field));
        if (page.cursor === undefined) return found;
        after = page.cursor;
      }
    };
    const where = (holds: (index: number) => boolean): string[] =>
      newestFirst.filter((field) => holds(fields.indexOf(field)));
    expect(await collect({ limit: 7 })).toEqual(newestFirst);
    expect(await collect({ limit: 30 })).toEqual(newestFirst);
    expect(await collect({ limit: 4, states: ["proposed", "rejected"] })).toEqual(where((index) => index % 3 !== 1));
    expect(await collect({ limit: 3, cellClass: "basophil" })).toEqual(where((index) => index % 5 === 0));
    expect(await collect({ limit: 1, cellClass: "basophil", states: ["confirmed"], group })).toEqual(
      where((index) => index % 15 === 10),
    );
    expect(await collect({ limit: 8, group })).toEqual(newestFirst);
    expect(await collect({ limit: 8, group: "another" })).toEqual([]);
    expect(await codeOf(desk.list({ limit: 0 }))).toBe("LABEL_INVALID");
    expect(await codeOf(desk.list({ limit: 5, after: "x" }))).toBe("LABEL_INVALID");
  });

  it("tell listeners of each commit until they end it", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const { sha256 } = await desk.addPicture(await jpegOf(1));
    await desk.grouped();
    const told: FieldRecord[] = [];
    let resolve = (): void => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    const end = desk.onChange((changed) => {
      told.push(...changed);
      if (told.length >= 5) resolve();
    });
    await Promise.all(Array.from({ length: 5 }, () => desk.submit(labelOf({ picture: sha256 }))));
    await promise;
    expect(told).toHaveLength(5);
    expect(told[0]).toMatchObject({ revision: 1, cells: someCells });
    end();
    await desk.submit(labelOf({ picture: sha256 }));
    expect(told).toHaveLength(5);
  });
});

/** The picture in one of eight orientations: bit 0 flips across, bit 1 flips down, bit 2 transposes. */
const turned = ({ width, height, pixels }: Picture, orientation: number): Picture => {
  const transposed = (orientation & 4) !== 0;
  const [outWidth, outHeight] = transposed ? [height, width] : [width, height];
  const out = new Uint8Array(pixels.length);
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      const [u, v] = transposed ? [y, x] : [x, y];
      const from =
        3 * (((orientation & 2) === 0 ? v : height - 1 - v) * width + ((orientation & 1) === 0 ? u : width - 1 - u));
      out.set(pixels.subarray(from, from + 3), 3 * (y * outWidth + x));
    }
  return { width: outWidth, height: outHeight, pixels: out };
};

describe("look-alikes", () => {
  it("in eight orientations, formats and sizes share a group, after a restart too", async () => {
    await using folder = await temporaryRoot();
    const fields: string[] = [];
    {
      await using laboratory = await openLaboratory(folder.root);
      const { desk } = laboratory;
      for (let orientation = 0; orientation < 4; orientation++) {
        const { sha256 } = await desk.addPicture(await encodePng(turned(smear(5), orientation)));
        fields.push((await desk.submit(labelOf({ picture: sha256 }))).field);
      }
      await desk.grouped();
    }
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    for (let orientation = 4; orientation < 8; orientation++) {
      const { sha256 } = await desk.addPicture(await encodeJpeg(turned(smear(5), orientation), { maxSide: 130 }));
      fields.push((await desk.submit(labelOf({ picture: sha256 }))).field);
    }
    for (let seed = 100; seed < 140; seed++) {
      const { sha256 } = await desk.addPicture(await jpegOf(seed));
      fields.push((await desk.submit(labelOf({ picture: sha256 }))).field);
    }
    await desk.grouped();
    const groups = await Promise.all(fields.map(async (field) => (await desk.field(field))?.group));
    expect(new Set(groups.slice(0, 8)).size).toBe(1);
    expect(groups).not.toContain(undefined);
    expect(new Set(groups).size).toBe(41);
    expect(await desk.stats()).toMatchObject({ groups: 41 });
  });
});

describe("next", () => {
  it("offers open fields alone, each with reasons, the greatest gain first", async () => {
    await using folder = await temporaryRoot();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const add = async (seed: number, more: Parameters<typeof labelOf>[0]): Promise<string> => {
      const { sha256 } = await desk.addPicture(await jpegOf(seed));
      return (
        await desk.submit(labelOf({ picture: sha256, state: "proposed", cells: [cell("erythrocyte", 5, 5)], ...more }))
      ).field;
    };
    for (let seed = 0; seed < 3; seed++)
      await add(seed, {
        state: "confirmed",
        cells: Array.from({ length: 60 }, (_, at) => cell("erythrocyte", at, at)),
      });
    const plain = await add(10, {});
    const unsure = await add(11, {
      cells: someCells.map((each) => ({ ...each, cellClass: "erythrocyte", confidence: 0.5 })),
    });
    const rare = await add(12, { cells: [cell("basophil", 20, 20)] });
    await add(13, { state: "rejected" });
    const offers = await desk.next(10);
    expect(offers.map(({ field }) => field.field)).toEqual([rare, unsure, plain]);
    expect(offers[0]!.reasons[0]).toMatchObject({ kind: "rarity", text: "No basophil has been confirmed yet." });
    expect(offers[1]!.reasons[0]).toMatchObject({ kind: "uncertainty" });
    expect(offers.map(({ gain }) => gain)).toEqual(offers.map(({ gain }) => gain).toSorted((a, b) => b - a));
    expect(await desk.next(1)).toHaveLength(1);
  });
});

describe("a laboratory", () => {
  it("has what was acknowledged after it was opened again, and is sound", async () => {
    await using folder = await temporaryRoot();
    let before: FieldRecord | undefined;
    {
      await using laboratory = await openLaboratory(folder.root);
      const { sha256 } = await laboratory.desk.addPicture(await jpegOf(1));
      const { field } = await laboratory.desk.submit(labelOf({ picture: sha256 }));
      await laboratory.desk.grouped();
      before = await laboratory.desk.field(field);
    }
    await using laboratory = await openLaboratory(folder.root);
    await laboratory.database.check();
    expect(await laboratory.desk.field(before!.field)).toEqual(before);
    expect(before).toHaveProperty("group");
    expect((await laboratory.desk.list({ limit: 5 })).fields).toEqual([before]);
  });

  it("of the first version keeps its pictures' looks and their groups", async () => {
    await using folder = await temporaryRoot();
    const paths = laboratoryPaths(folder.root);
    await mkdir(folder.root, { recursive: true });
    const looker = new PictureLooker();
    const connection = openConnection(paths.database, { readOnly: false });
    migrate(connection, paths.database, migrations.slice(0, 1));
    const old = await jpegOf(3);
    const { looks } = await looker.look(old);
    connection
      .sql(
        "INSERT INTO pictures (sha256, mediaType, bytes, widthPx, heightPx, addedAtMs, thumbnail, signature, stain, lookAlike) VALUES (?, 'image/jpeg', ?, 160, 120, 0, ?, ?, ?, 'g-old')",
      )
      .run(
        "a".repeat(64),
        old.length,
        Buffer.from(looks.thumbnail),
        Buffer.from(looks.signature),
        JSON.stringify(looks.stain),
      );
    connection.close();
    await using laboratory = await openLaboratory(folder.root);
    const { desk } = laboratory;
    const { field } = await desk.submit(labelOf({ picture: "a".repeat(64) }));
    const alike = await desk.addPicture(await encodePng(turned(smear(3), 5)));
    const again = await desk.submit(labelOf({ picture: alike.sha256 }));
    await desk.grouped();
    expect([(await desk.field(field))?.group, (await desk.field(again.field))?.group]).toEqual(["g-old", "g-old"]);
    await laboratory.database.check();
  });

  it("that is no database is refused as damaged", async () => {
    await using folder = await temporaryRoot();
    await mkdir(folder.root, { recursive: true });
    await writeFile(join(folder.root, "laboratory.db"), "x".repeat(10_000));
    expect(await codeOf(openLaboratory(folder.root))).toBe("STORE_DAMAGED");
    expect((await readFile(join(folder.root, "laboratory.db"), "utf8")).length).toBe(10_000);
  });
});
