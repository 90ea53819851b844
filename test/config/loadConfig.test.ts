import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { defaultConfig, defaultYaml, loadConfig } from "../../src/config/index.js";
import { configLeaves, environmentName } from "../../src/config/schemaTree.js";
import { mergeConfig } from "../../src/config/sources.js";
import { CytoError, projectRoot } from "../../src/core/index.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cytostream-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = async (text: string, name = "config.yaml"): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

const refusal = async (loading: Promise<unknown>): Promise<CytoError> => {
  const error: unknown = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CytoError);
  return error as CytoError;
};

describe("loadConfig", () => {
  it("has defaults for everything, frozen", async () => {
    const config = await loadConfig();
    expect(config).toEqual(defaultConfig());
    expect(config.publication).toMatchObject({ host: "127.0.0.1", port: 8480 });
    expect(config.camera.name).toBe("virtual");
    expect(Object.isFrozen(config.camera.reconnect)).toBe(true);
  });

  it("lays file, environment and settings upon each other in that order", async () => {
    const path = await file("camera: {name: folder, source: file}\npublication: {port: 1, frameQuality: 50}\n");
    const config = await loadConfig({
      file: path,
      environment: { CYTOSTREAM_PUBLICATION_PORT: "2", CYTOSTREAM_CAMERA_SOURCE: "environment", PATH: "/bin" },
      settings: ["publication.port=3", "publication.port=4"],
    });
    expect(config.camera).toMatchObject({ name: "folder", source: "environment" });
    expect(config.publication).toMatchObject({ port: 4, frameQuality: 50 });
  });

  it("reads texts as the type that the schema has", async () => {
    const config = await loadConfig({
      settings: [
        "camera.source=0",
        "publication.dashboard=false",
        "optics.umPerPixel=0.1",
        "publication.allowedOrigins=[http://a, http://b]",
        "camera.options.seed=7",
        "camera.options.tint={red: 1}",
      ],
    });
    expect(config.camera.source).toBe("0");
    expect(config.publication.dashboard).toBe(false);
    expect(config.optics.umPerPixel).toBe(0.1);
    expect(config.publication.allowedOrigins).toEqual(["http://a", "http://b"]);
    expect(config.camera.options).toEqual({ seed: 7, tint: { red: 1 } });
  });

  it("takes an empty file and one of comments", async () => {
    expect(await loadConfig({ file: await file("") })).toEqual(defaultConfig());
    expect(await loadConfig({ file: await file("# nothing\n") })).toEqual(defaultConfig());
  });

  it.each([
    ["file", "publication: {prot: 1}", "publication.prot", "publication.port"],
    ["file", "camra: {}", "camra", "camera"],
    ["file", "camera: {reconnect: {maxDelay: 1}}", "camera.reconnect.maxDelay", "camera.reconnect.maxDelayMs"],
    ["file", "port: 1", "port", "publication.port"],
    ["set", "publication.prot=1", "publication.prot", "publication.port"],
    ["set", "detection.provder=cpu", "detection.provder", "detection.provider"],
    ["set", "umPerPixel=0.1", "umPerPixel", "optics.umPerPixel"],
    ["set", "__proto__.polluted=1", "__proto__.polluted", ""],
    ["set", "camera.options.__proto__.polluted=1", "camera.options.__proto__.polluted", ""],
    ["environment", "CYTOSTREAM_PUBLICATION_PROT", "CYTOSTREAM_PUBLICATION_PROT", "CYTOSTREAM_PUBLICATION_PORT"],
  ])("refuses an unknown key of the %s: %s", async (source, text, path, suggestion) => {
    const sources =
      source === "file"
        ? { file: await file(text) }
        : source === "set"
          ? { settings: [text] }
          : { environment: { [text]: "1" } };
    const error = await refusal(loadConfig(sources));
    expect(error).toMatchObject({ code: "CONFIG_UNKNOWN_KEY", exitCode: 78, context: { path } });
    expect(error.message).toContain(path);
    if (suggestion !== "") expect(error.context.suggestion).toContain(suggestion);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ["publication.port=abc", "publication.port"],
    ["publication.port=", "publication.port"],
    ["publication.port=70000", "publication.port"],
    ["publication.port=1.5", "publication.port"],
    ["camera.staleAfterMs=3001", "camera.staleAfterMs"],
    ["detection.provider=quantum", "detection.provider"],
    ["publication.dashboard=yes", "publication.dashboard"],
    ["publication.allowedOrigins=[", "publication.allowedOrigins"],
    ["publication.allowedOrigins=[1]", "publication.allowedOrigins"],
    ["camera.name=", "camera.name"],
  ])("names the key of a bad value: %s", async (setting, path) => {
    const error = await refusal(loadConfig({ settings: [setting] }));
    expect(error).toMatchObject({ code: "CONFIG_INVALID", exitCode: 78 });
    expect(error.message).toContain(path);
    expect(String(error.context.path)).toContain(path);
  });

  it("says what a --set is", async () => {
    expect(await refusal(loadConfig({ settings: ["port"] }))).toMatchObject({ code: "USAGE", exitCode: 64 });
  });

  it("refuses files that are absent, folders, not YAML, not keys and values, twice keyed, or endless", async () => {
    const bomb = `a: &a [${"x,".repeat(20)}]\n${Array.from({ length: 30 }, (_, i) => `b${i}: [*a, *a]`).join("\n")}`;
    const texts = ["a: [", "- 1\n- 2\n", "camera: {}\ncamera: {}\n", bomb, `# ${"x".repeat(1024 * 1024)}`];
    for (const text of texts) {
      expect(await refusal(loadConfig({ file: await file(text) }))).toMatchObject({
        code: "CONFIG_UNREADABLE",
        exitCode: 66,
      });
    }
    expect(await refusal(loadConfig({ file: join(folder, "absent.yaml") }))).toMatchObject({
      code: "CONFIG_UNREADABLE",
    });
    expect(await refusal(loadConfig({ file: folder }))).toMatchObject({ code: "CONFIG_UNREADABLE" });
  });

  it("answers any text with a configuration or an error of its own", async () => {
    const path = fc.constantFrom(...configLeaves.map((leaf) => leaf.path), "x", "camera.options.a");
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.tuple(path, fc.string()).map(([k, v]) => `${k}=${v}`),
        ),
        async (setting) => {
          const outcome = await loadConfig({ settings: [setting] }).catch((error: unknown) => error);
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(CytoError);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("the files of config/", () => {
  it("default.yaml holds exactly the defaults", async () => {
    expect(await loadConfig({ file: join(projectRoot(), "config", "default.yaml") })).toEqual(defaultConfig());
    const uncommented = defaultYaml().replace(/^(\s*)# (\w+:)$/gm, "$1$2");
    expect(Object.keys(parse(uncommented) as object)).toEqual(Object.keys(defaultConfig()));
  });

  it("examples are all valid", async () => {
    const names = (await readdir(join(projectRoot(), "config"))).filter((name) => name.endsWith(".yaml"));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) await loadConfig({ file: join(projectRoot(), "config", name) });
  });

  it("schema.json is a JSON Schema that accepts the defaults and refuses unknown keys", async () => {
    const { Ajv2020 } = await import("ajv/dist/2020.js");
    const schema = JSON.parse(await readFile(join(projectRoot(), "config", "schema.json"), "utf8")) as object;
    const accepts = new Ajv2020({ allErrors: true }).compile(schema);
    expect(accepts(JSON.parse(JSON.stringify(defaultConfig())))).toBe(true);
    expect(accepts({})).toBe(true);
    expect(accepts({ camera: { nme: "x" } })).toBe(false);
  });
});

describe("names of variables", () => {
  it("are different for all keys and none is reserved", () => {
    const names = configLeaves.map((leaf) => environmentName(leaf.path));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("CYTOSTREAM_CAMERA_RECONNECT_MAX_DELAY_MS");
    for (const name of ["CYTOSTREAM_CONFIG", "CYTOSTREAM_DATA", "CYTOSTREAM_CI"]) expect(names).not.toContain(name);
  });
});

describe("mergeConfig", () => {
  it("keeps what only one has, changes nothing on itself, and lets the later win", () => {
    const leaf = fc.oneof(fc.integer(), fc.string(), fc.array(fc.integer(), { maxLength: 2 }));
    const { tree } = fc.letrec<{ tree: Record<string, unknown> }>((tie) => ({
      tree: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(leaf, tie("tree")), { maxKeys: 3 }),
    }));
    fc.assert(
      fc.property(tree, tree, (a, b) => {
        expect(mergeConfig({}, a)).toEqual(a);
        expect(mergeConfig(a, {})).toEqual(a);
        expect(mergeConfig(a, a)).toEqual(a);
        expect(Object.keys(mergeConfig(a, b)).sort()).toEqual(
          [...new Set([...Object.keys(a), ...Object.keys(b)])].sort(),
        );
        for (const [key, value] of Object.entries(b))
          expect(mergeConfig(a, b)[key]).toEqual(typeof value === "object" ? expect.anything() : value);
      }),
    );
  });
});
