import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { listDrivers } from "../../../drivers/index.js";
import { projectRoot } from "../../../src/core/index.js";
import { controllerCases } from "./controllers.js";

interface OptionNode {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, OptionNode>>;
}

describe("docs/microscopes/", () => {
  it.each(controllerCases)(
    "has a page of $name with its source and every option as the schema has it",
    async ({ name }) => {
      const page = await readFile(join(projectRoot(), "docs", "microscopes", `${name}.md`), "utf8");
      const { drivers, failures } = await listDrivers("stages");
      expect(failures).toEqual([]);
      const manifest = drivers.find((driver) => driver.name === name)!;
      expect(page).toContain(`# ${manifest.title}`);
      expect(page).toContain(manifest.description);
      expect(page).toContain(manifest.sourceSyntax);
      const schema = z.toJSONSchema(manifest.options, { io: "input", unrepresentable: "any" }) as OptionNode;
      for (const [option, node] of Object.entries(schema.properties ?? {})) {
        expect(page).toContain(`| \`${option}\` |`);
        expect(node.description, option).toBeDefined();
        expect(page).toContain(node.description);
      }
    },
  );
});
