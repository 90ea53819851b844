import { z } from "zod";
import { configSchema } from "./schema.js";

/** What of a JSON Schema node the configuration uses. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
}

/** A key that holds a value, not other keys of the schema. */
export interface SchemaLeaf {
  /** Dotted, e.g. `camera.reconnect.maxDelayMs`. */
  readonly path: string;
  readonly node: SchemaNode;
}

/** The JSON Schema of the configuration as a user writes it: what has a default may be left out. */
export const configJsonSchema = (): SchemaNode & Readonly<Record<string, unknown>> =>
  z.toJSONSchema(configSchema, { io: "input", target: "draft-2020-12" }) as SchemaNode & Record<string, unknown>;

const leavesBelow = (node: SchemaNode, path: string): SchemaLeaf[] =>
  node.properties === undefined
    ? [{ path, node }]
    : Object.entries(node.properties).flatMap(([key, child]) =>
        leavesBelow(child, path === "" ? key : `${path}.${key}`),
      );

/** All keys with values, in the order of the schema. */
export const configLeaves: readonly SchemaLeaf[] = leavesBelow(configJsonSchema(), "");

/** Dotted paths of the keys that a driver's options have, below `path`. */
export const keysOf = (schema: z.ZodType, path: string): readonly string[] => {
  const node = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as SchemaNode;
  return leavesBelow(node, path).map((leaf) => leaf.path);
};

/** Whether keys below the node are not the schema's business (a driver's own options). */
export const isOpen = (node: SchemaNode): boolean => node.type === "object" && node.properties === undefined;

/** The key that a dotted path names, or the open key that it lies below; undefined where there is none. */
export const findLeaf = (path: string): SchemaLeaf | undefined =>
  configLeaves.find((leaf) => leaf.path === path || (isOpen(leaf.node) && path.startsWith(`${leaf.path}.`)));

/** `camera.reconnect.maxDelayMs` as an environment variable: CYTOSTREAM_CAMERA_RECONNECT_MAX_DELAY_MS. */
export const environmentName = (path: string): string =>
  `CYTOSTREAM_${path
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
