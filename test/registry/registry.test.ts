import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CytoError } from "../../src/core/index.js";
import {
  compareVersions,
  findModel,
  isVersion,
  listModels,
  loadClassifierModel,
  loadDetectorModel,
  loadModel,
  parseManifest,
  resolveModel,
  verifyModel,
  writeModel,
} from "../../src/registry/index.js";
import { toyClassifierBytes, toyDetectorBytes, writeToyModels } from "../detection/toyModel.js";
import { classifierDraft, detectorDraft, temporaryFolders } from "./modelFixture.js";

const temporaryFolder = temporaryFolders();
const files = { onnxBytes: new Uint8Array([1, 2, 3]), card: "# A model\n" };
const failure = async (promise: Promise<unknown>): Promise<CytoError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CytoError);
  return error as CytoError;
};

describe("a model folder", () => {
  it("is read as it was written", async () => {
    const directory = join(await temporaryFolder(), "unet", "1.0.0");
    const written = await writeModel(directory, detectorDraft(), files);
    const loaded = await loadModel(directory);
    expect(loaded.manifest).toEqual(written);
    expect(loaded.source).toMatchObject({ kind: "detector", precision: "fp32", stride: 2, nmsWithinClass: 0.65 });
    expect(loaded.source.ref.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await readFile(join(directory, "card.md"), "utf8")).toBe(files.card);
  });

  it("is replaced whole and leaves nothing beside it", async () => {
    const root = await temporaryFolder();
    const directory = join(root, "1.0.0");
    await writeModel(directory, detectorDraft(), { ...files, int8Bytes: new Uint8Array([4]) });
    await writeModel(directory, detectorDraft(), { ...files, onnxBytes: new Uint8Array([9]) });
    expect(await readdir(root)).toEqual(["1.0.0"]);
    expect((await readdir(directory)).sort()).toEqual(["card.md", "manifest.json", "model.onnx"]);
    await loadModel(directory);
  });

  it("is not written where the manifest is unsound", async () => {
    const root = await temporaryFolder();
    const error = await failure(writeModel(join(root, "x"), { ...detectorDraft(), classes: ["cat"] }, files));
    expect(error.code).toBe("MODEL_INVALID");
    expect(await readdir(root)).toEqual([]);
  });

  it("gives its int8 variant when asked, and says what there is otherwise", async () => {
    const directory = join(await temporaryFolder(), "1.0.0");
    await writeModel(directory, detectorDraft(), { ...files, int8Bytes: new Uint8Array([4, 5]) });
    const { source } = await loadModel(directory, { precision: "int8" });
    expect(source.filePath).toBe(join(directory, "model.int8.onnx"));
    expect(source.ref.sha256).not.toBe((await loadModel(directory)).source.ref.sha256);
    const error = await failure(loadModel(directory, { precision: "float16" }));
    expect(error).toMatchObject({ code: "MODEL_NOT_FOUND", remedy: "Use one of: fp32, int8." });
  });

  it("is refused by kind where another kind is needed", async () => {
    const directory = join(await temporaryFolder(), "1.0.0");
    await writeModel(directory, classifierDraft(), files);
    expect((await loadClassifierModel(directory)).cropPx).toBe(96);
    expect((await failure(loadDetectorModel(directory))).code).toBe("MODEL_INVALID");
  });
});

describe("a model that is wrong", () => {
  it.each([
    ["no folder", "MODEL_NOT_FOUND", undefined],
    ["manifest cut short", "MODEL_INVALID", (text: string) => text.slice(0, 40)],
    ["unknown key", "MODEL_INVALID", (text: string) => text.replace('"stride"', '"strides": 2, "stride"')],
    ["other classes", "MODEL_INVALID", (text: string) => text.replace('"platelet"', '"spot"')],
    [
      "classes in another order",
      "MODEL_INVALID",
      (text: string) => text.replace(/"erythrocyte",\s*"leukocyte"/, '"leukocyte","erythrocyte"'),
    ],
    ["three channels of input", "MODEL_INVALID", (text: string) => text.replace(/"width",\s*4/, '"width", 3')],
    ["other name of output", "MODEL_INVALID", (text: string) => text.replace('"extent"', '"sizes"')],
    ["file outside the folder", "MODEL_INVALID", (text: string) => text.replace('"model.onnx"', '"../model.onnx"')],
    ["other hash", "MODEL_INVALID", (text: string) => text.replace(/"sha256": ".{8}/, '"sha256": "00000000')],
    ["no version", "MODEL_INVALID", (text: string) => text.replace('"1.0.0"', '"one"')],
  ])("is refused: %s", async (_name, code, spoil) => {
    const directory = join(await temporaryFolder(), "1.0.0");
    if (spoil) {
      await writeModel(directory, detectorDraft(), files);
      const path = join(directory, "manifest.json");
      const text = await readFile(path, "utf8");
      expect(spoil(text)).not.toBe(text);
      await writeFile(path, spoil(text));
    }
    expect((await failure(loadModel(directory))).code).toBe(code);
  });

  it("is refused when its file was changed or is missing", async () => {
    const directory = join(await temporaryFolder(), "1.0.0");
    await writeModel(directory, detectorDraft(), files);
    await writeFile(join(directory, "model.onnx"), "other");
    expect((await failure(loadModel(directory))).message).toContain("SHA-256");
  });

  it("never gets past the parser with anything but a code", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parseManifest(value, "arbitrary");
          return false;
        } catch (error) {
          return error instanceof CytoError && error.code === "MODEL_INVALID";
        }
      }),
    );
  });
});

describe("listModels", () => {
  it("puts the newest version first and takes it by default, pre-releases last", async () => {
    const root = await temporaryFolder();
    for (const version of ["0.9.0", "0.10.0", "0.2.0", "1.0.0-rc.1"])
      await writeModel(join(root, "unet", version), detectorDraft(version), files);
    await writeModel(join(root, "cells", "1.0.0"), classifierDraft(), files);
    const models = await listModels(root);
    expect(models.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "cells 1.0.0",
      "unet 1.0.0-rc.1",
      "unet 0.10.0",
      "unet 0.9.0",
      "unet 0.2.0",
    ]);
    expect(models.filter(({ isDefault }) => isDefault).map(({ version }) => version)).toEqual(["1.0.0", "0.10.0"]);
    expect(await findModel(root, "unet")).toBe(join(root, "unet", "0.10.0"));
    expect(await findModel(root, "unet", "0.2.0")).toBe(join(root, "unet", "0.2.0"));
  });

  it("lists an unsound newest with its fault and falls back to the one before", async () => {
    const root = await temporaryFolder();
    await writeModel(join(root, "unet", "1.0.0"), detectorDraft("1.0.0"), files);
    await writeModel(join(root, "unet", "2.0.0"), detectorDraft("1.5.0"), files);
    const models = await listModels(root);
    expect(models[0]).toMatchObject({ version: "2.0.0", isDefault: false, fault: { code: "MODEL_INVALID" } });
    expect(await findModel(root, "unet")).toBe(join(root, "unet", "1.0.0"));
    const error = await failure(findModel(root, "other"));
    expect(error).toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(error.remedy).toContain("unet 1.0.0");
  });

  it("says so when there is no such folder", async () => {
    expect((await failure(listModels(join(await temporaryFolder(), "none")))).code).toBe("MODEL_NOT_FOUND");
  });
});

describe("compareVersions", () => {
  it("orders the example of semver.org", () => {
    const ordered =
      "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.2.0 1.10.0 2.0.0";
    const versions = ordered.split(" ");
    expect([...versions].reverse().sort(compareVersions)).toEqual(versions);
    expect(versions.every(isVersion)).toBe(true);
  });

  it("is an order", () => {
    const version = fc
      .tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.constantFrom("", "-1", "-10", "-a", "-a.1", "-2.a"))
      .map(([major, minor, patch, pre]) => `${major}.${minor}.${patch}${pre}`);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe("resolveModel", () => {
  it("understands a name, a name with a version, and a folder", async () => {
    const root = await temporaryFolder();
    for (const version of ["1.0.0", "1.1.0"])
      await writeModel(join(root, "unet", version), detectorDraft(version), files);
    expect(await resolveModel(root, "unet")).toBe(join(root, "unet", "1.1.0"));
    expect(await resolveModel(root, "unet@1.0.0")).toBe(join(root, "unet", "1.0.0"));
    expect(await resolveModel(root, join(root, "elsewhere"))).toBe(join(root, "elsewhere"));
    expect((await failure(resolveModel(root, "unet@9.9.9"))).code).toBe("MODEL_NOT_FOUND");
  });
});

describe("verifyModel", () => {
  it("opens and tries detectors, classifiers and variants", async () => {
    const root = await temporaryFolder();
    const { detector, classifier } = await writeToyModels(root);
    await verifyModel(dirname(detector.filePath));
    await verifyModel(dirname(classifier.filePath));
    const directory = join(root, "variant");
    const onnxBytes = toyDetectorBytes();
    await writeModel(directory, detectorDraft(), { onnxBytes, int8Bytes: onnxBytes, card: "" });
    await verifyModel(directory);
    await writeModel(directory, detectorDraft(), { onnxBytes, int8Bytes: new Uint8Array([8, 7]), card: "" });
    expect((await failure(verifyModel(directory))).code).toBe("MODEL_INVALID");
  });

  it("refuses a classifier's network under a detector's manifest", async () => {
    const directory = join(await temporaryFolder(), "1.0.0");
    await writeModel(directory, detectorDraft(), { onnxBytes: toyClassifierBytes(), card: "" });
    await loadModel(directory);
    expect((await failure(verifyModel(directory))).message).toContain("no tensor field");
  });
});
