import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type DriverManifest, listDrivers } from "../../drivers/index.js";
import { projectRoot } from "../../src/core/index.js";

interface OptionNode {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, OptionNode>>;
}

/** The rows that document a driver's options, from its schema. */
function optionRows({ options }: DriverManifest): readonly string[] {
  const schema = z.toJSONSchema(options, { io: "input", unrepresentable: "any" }) as OptionNode;
  return Object.entries(schema.properties ?? {}).map(([name, node]) => {
    const initial =
      node.default === undefined || node.properties !== undefined ? "" : `\`${JSON.stringify(node.default)}\``;
    return `| \`${name}\` | ${initial} | ${(node.description ?? "").replaceAll("|", "\\|")} |`;
  });
}

describe("docs/drivers.md", () => {
  it("has each camera with what its source means and every option as the schema has it", async () => {
    const page = await readFile(join(projectRoot(), "docs", "drivers.md"), "utf8");
    const { drivers } = await listDrivers("cameras");
    expect(drivers.length).toBeGreaterThanOrEqual(3);
    for (const manifest of drivers) {
      expect(page).toContain(`### ${manifest.name}`);
      expect(page).toContain(manifest.description);
      expect(page).toContain(manifest.sourceSyntax);
      for (const row of optionRows(manifest)) expect(page).toContain(row);
    }
  });
});
