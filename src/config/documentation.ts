import { configSchema } from "./schema.js";
import {
  configJsonSchema,
  configLeaves,
  environmentName,
  isOpen,
  type SchemaLeaf,
  type SchemaNode,
} from "./schemaTree.js";

const valueText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const rangeText = ({ minimum, maximum }: SchemaNode): string =>
  minimum === undefined || maximum === undefined ? "" : `, ${minimum} to ${maximum}`;

const typeText = (node: SchemaNode): string => {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (node.type === "array") return `list of ${typeText(node.items ?? {})}s`;
  if (isOpen(node)) return "keys and values";
  return `${node.type ?? "any"}${rangeText(node)}`;
};

const sectionOf = (leaf: SchemaLeaf): string => leaf.path.split(".")[0] ?? "";

const groupBySection = (): Map<string, SchemaLeaf[]> => {
  const groups = new Map<string, SchemaLeaf[]>();
  for (const leaf of configLeaves) groups.set(sectionOf(leaf), [...(groups.get(sectionOf(leaf)) ?? []), leaf]);
  return groups;
};

const descriptionOf = (section: string): string => configJsonSchema().properties?.[section]?.description ?? "";

const cell = (text: string): string => text.replaceAll("|", "\\|");

const row = (leaf: SchemaLeaf): string => {
  const initial = leaf.node.default === undefined ? "" : `\`${valueText(leaf.node.default)}\``;
  return `| \`${leaf.path}\` | ${cell(typeText(leaf.node))} | ${cell(initial)} | ${cell(leaf.node.description ?? "")} |`;
};

/** The reference page, docs/configuration.md. */
export const configurationPage = (): string => {
  const example = "camera.reconnect.maxDelayMs";
  const sections = [...groupBySection()].map(([section, leaves]) =>
    [
      `## ${section}`,
      "",
      descriptionOf(section),
      "",
      "| key | type | default | meaning |",
      "|---|---|---|---|",
      ...leaves.map(row),
    ].join("\n"),
  );
  return `${[
    "# Configuration",
    "",
    "Written by `npm run docs` from the schema in src/config/schema.ts.",
    "",
    "The daemon starts without any configuration. Later sources win over earlier ones:",
    "",
    "1. the defaults below (config/default.yaml lists them all);",
    "2. a YAML file: `cytostream run --config FILE`, or the variable `CYTOSTREAM_CONFIG`;",
    `3. the environment: \`${example}\` is \`${environmentName(example)}\`;`,
    `4. the command line: \`--set ${example}=5000\`, and \`--camera\` and \`--source\` for \`camera.name\` and \`camera.source\`.`,
    "",
    "A key that does not exist is refused (`CONFIG_UNKNOWN_KEY`) with the nearest one that does; a value of the wrong type or",
    "outside its range is refused (`CONFIG_INVALID`) with the key's path. `config/schema.json` is the same as a JSON Schema, for editors:",
    "begin a YAML file with `# yaml-language-server: $schema=` and its path.",
    "",
    sections.join("\n\n"),
  ].join("\n")}\n`;
};

const yamlValue = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** The name of a section of which no key has a default is commented out as well: YAML would read it as null. */
const yamlLines = (node: SchemaNode, indent: string): string[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const comment = child.description === undefined ? [] : [`${indent}# ${child.description}`];
    if (child.properties !== undefined) {
      const lines = yamlLines(child, `${indent}  `);
      const bare = lines.every((line) => line.trimStart().startsWith("#"));
      return [...comment, `${indent}${bare ? "# " : ""}${key}:`, ...lines];
    }
    const line = child.default === undefined ? `# ${key}:` : `${key}: ${yamlValue(child.default)}`;
    return [...comment, `${indent}${line}`];
  });

/** Text of config/default.yaml: every key, its meaning, and its default; keys without one are commented out. */
export const defaultYaml = (): string => {
  const head = ["# yaml-language-server: $schema=./schema.json", "# The embedded defaults. Written by `npm run docs`."];
  return `${[...head, ...yamlLines(configJsonSchema(), "")].join("\n")}\n`;
};

/** Text of config/schema.json. */
export const jsonSchemaText = (): string =>
  `${JSON.stringify({ ...configJsonSchema(), title: "Configuration of cytostream" }, null, 2)}\n`;

/** The embedded defaults. */
export const defaultConfig = () => configSchema.parse({});
