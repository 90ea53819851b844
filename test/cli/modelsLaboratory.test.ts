import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { register } from "../../src/cli/models.js";
import { createProgram, describeFailure } from "../../src/cli/program.js";
import type { GateReport, Promotion } from "../../src/registry/index.js";
import { openToyLaboratory, type ToyLaboratory } from "../registry/laboratory.js";
import { writeToyDataset } from "../training/toyDataset.js";

/** A command in this process, its output kept. */
const runCommand = async (...words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
  let [code, stdout, stderr] = [0, "", ""];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  try {
    const program = createProgram("0.1.0");
    register(program);
    await program.parseAsync(["node", "cytostream", ...words]);
    code = Number(process.exitCode ?? 0);
  } catch (error) {
    const failure = describeFailure(error, false);
    code = failure.exitCode;
    stderr = failure.lines.join("\n");
  } finally {
    write.mockRestore();
    process.exitCode = undefined;
  }
  return { code, stdout, stderr };
};

let laboratory: ToyLaboratory;
beforeAll(async () => {
  laboratory = await openToyLaboratory();
  await laboratory.candidate("1.3.0-lab.1");
});
afterAll(() => laboratory.remove());

const models = (...words: readonly string[]) =>
  runCommand("models", ...words, ...(words[0] === "verify" ? [] : ["--data-dir", laboratory.paths.root]));
const json = async <T>(...words: readonly string[]): Promise<T> => {
  const { code, stdout, stderr } = await models(...words, "--json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
};

describe("models of a data directory that no daemon holds", () => {
  it("are promoted, listed, shown and taken back, and the history tells it all", async () => {
    const promotion = await json<Promotion>("promote", "unet@1.3.0-lab.1", "--by", "anna", "--reason", "seen");
    expect(promotion).toMatchObject({ kind: "promotion", model: "unet@1.3.0-lab.1", by: "anna", reason: "seen" });
    expect((await models("list")).stdout).toMatch(/unet 1\.3\.0-lab\.1 .*in production/);
    const { stdout: shown } = await models("show", "unet");
    expect(shown).toMatch(/^unet@1\.3\.0-lab\.1 {2}detector {2}laboratory {2}in production\n/);
    expect(shown).toMatch(/from unet@1\.0\.0/);
    const back = await json<Promotion>("rollback", "--by", "berta");
    expect(back).toMatchObject({ kind: "rollback", before: "unet@1.3.0-lab.1", by: "berta" });
    expect((await json<Promotion[]>("history")).map(({ kind }) => kind)).toEqual([
      "rollback",
      "promotion",
      "initial",
      "initial",
    ]);
    const then = await json<Promotion[]>("history", "--at", new Date(promotion.atMs).toISOString());
    expect(then.map(({ model }) => model)).toContain("unet@1.3.0-lab.1");
    const refused = await models("rollback");
    expect(refused.code).toBe(65);
    expect(refused.stderr).toMatch(/^ROLLBACK_IMPOSSIBLE: /m);
  });

  it("are compared on a data set, without a daemon", async () => {
    const data = join(laboratory.folder, "fields");
    const cells = [60, 160, 260].map((x) => ({ kind: "erythrocyte" as const, x, y: 60 }));
    await writeToyDataset(
      data,
      Array.from({ length: 4 }, () => ({ painted: cells })),
    );
    const candidate = join(laboratory.paths.models, "unet", "1.3.0-lab.1");
    const shipped = join(laboratory.shippedDir, "unet", "1.0.0");
    const { code, stdout, stderr } = await models("compare", candidate, shipped, data, "--old", data, "--json");
    expect(code, stderr).toBe(1);
    const report = JSON.parse(stdout) as GateReport;
    expect(report).toMatchObject({
      ...{ candidate: "unet@1.3.0-lab.1", active: "unet@1.0.0", decision: "refuse" },
      ...{ fields: { validation: 4, old: 4 }, pooled: { difference: 0, cells: 12 } },
    });
    const without = await models("compare", candidate, shipped);
    expect(without).toMatchObject({ code: 64, stderr: expect.stringMatching(/^USAGE: no daemon/m) });
  });
});

describe("models of a data directory that a daemon holds", () => {
  it("are promoted by asking it, and what it answers is told", async () => {
    const asked: unknown[] = [];
    const server: Server = createServer(async (request, response) => {
      let body = "";
      for await (const part of request) body += part;
      asked.push([request.method, request.url, body && JSON.parse(body)]);
      const missing = body.includes("unet@9.9.9");
      const answer = missing
        ? { code: "MODEL_NOT_FOUND", message: "The model was not found" }
        : {
            ...{ atMs: 5, kind: "promotion", model: "unet@1.3.0-lab.1", sha256: "a".repeat(64) },
            by: "x",
            reason: "y",
          };
      response.writeHead(missing ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const root = join(laboratory.folder, "held");
    await mkdir(root);
    await writeFile(join(root, "lock.json"), JSON.stringify({ pid: process.pid, since: Date.now(), url }));
    const at = (...words: string[]) => runCommand("models", ...words, "--data-dir", root);
    const done = await at("promote", "unet@1.3.0-lab.1", "--by", "anna", "--reason", "seen", "--json");
    expect(JSON.parse(done.stdout)).toMatchObject({ model: "unet@1.3.0-lab.1", atMs: 5 });
    const failed = await at("promote", "unet@9.9.9", "--by", "anna");
    expect(failed).toMatchObject({ code: 66, stderr: expect.stringMatching(/^MODEL_NOT_FOUND: /) });
    expect(asked).toEqual([
      ["POST", "/v1/models/promote", { model: "unet@1.3.0-lab.1", by: "anna", reason: "seen" }],
      ["POST", "/v1/models/promote", { model: "unet@9.9.9", by: "anna", reason: "by hand" }],
    ]);
  });
});
