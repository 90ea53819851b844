import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../src/core/index.js";

/** The rules that a tree of files breaks, by name. */
const brokenRules = (files: Readonly<Record<string, string>>): string[] => {
  const folder = mkdtempSync(join(tmpdir(), "cytostream-imports-"));
  try {
    for (const [path, text] of Object.entries({
      "tsconfig.json": "{}",
      "package.json": '{"type":"module"}',
      ...files,
    })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const program = join(projectRoot(), "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");
    const rules = join(projectRoot(), ".dependency-cruiser.cjs");
    const run = spawnSync(process.execPath, [program, "--config", rules, "--output-type", "json", "src"], {
      cwd: folder,
      encoding: "utf8",
    });
    const report = JSON.parse(run.stdout) as { summary: { violations: { rule: { name: string } }[] } };
    return [...new Set(report.summary.violations.map((violation) => violation.rule.name))].sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const face = "export const value = 1;\n";

describe("the import rules", () => {
  it("let imports go down, through public faces", () => {
    const files = {
      "src/core/index.ts": face,
      "src/counting/index.ts": 'export { value } from "../core/index.js";\n',
      "src/main.ts": 'import { value } from "./counting/index.js";\nconsole.log(value);\n',
    };
    expect(brokenRules(files)).toEqual([]);
  });

  it("refuse an upward import, of types too", () => {
    const files = {
      "src/core/index.ts": 'export type { Count } from "../counting/index.js";\n',
      "src/counting/index.ts": "export type Count = number;\n",
    };
    expect(brokenRules(files)).toEqual(["no-upward-import"]);
  });

  it("refuse circles of modules and of stations", () => {
    const modules = {
      "src/core/index.ts": 'export * from "./a.js";\n',
      "src/core/a.ts": 'import { b } from "./b.js";\nexport const a = () => b;\n',
      "src/core/b.ts": 'import { a } from "./a.js";\nexport const b = () => a;\n',
    };
    expect(brokenRules(modules)).toEqual(["no-circular-import"]);
    const stations = {
      "src/counting/index.ts": `export * from "./a.js";\n${face}`,
      "src/counting/a.ts": 'export { other } from "../detection/part/index.js";\n',
      "src/detection/index.ts": 'export { value as second } from "../counting/pure/index.js";\n',
      "src/detection/part/index.ts": "export const other = 2;\n",
      "src/counting/pure/index.ts": face,
    };
    expect(brokenRules(stations)).toEqual(["no-upward-import"]);
  });

  it("refuse the inside of another station, input and output where it must be pure, and folders without a place", () => {
    const files = {
      "src/core/index.ts": face,
      "src/core/inside.ts": face,
      "src/counting/index.ts": 'import "../core/inside.js";\nimport "node:fs";\n',
      "src/elsewhere/index.ts": 'import "../core/index.js";\n',
    };
    expect(brokenRules(files)).toEqual(["every-station-has-a-place", "only-the-public-face", "pure-stations-do-no-io"]);
  });
});
