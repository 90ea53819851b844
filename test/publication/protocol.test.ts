import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { errorTable, projectRoot } from "../../src/core/index.js";
import {
  asyncApiDocument,
  asyncApiText,
  clientMessageSchema,
  serverMessageSchema,
} from "../../src/publication/index.js";
import { decodeFrameMessage, encodeFrameMessage } from "../../src/publication/protocol/binary.js";
import { frameExample } from "../../src/publication/protocol/examples.js";
import { streamErrorCodes } from "../../src/publication/protocol/serverMessages.js";

const docs = join(projectRoot(), "docs");

interface MessageEntry {
  readonly payload: object;
  readonly headers?: object;
  readonly examples: readonly { readonly payload?: unknown; readonly headers?: unknown }[];
}

const document = asyncApiDocument() as {
  readonly components: { readonly messages: Readonly<Record<string, MessageEntry>> };
};
const entries = Object.entries(document.components.messages);
const ajv = new Ajv({ strict: false });

/** JSON blocks of docs/protocol.md, in order. */
const blocks = (): unknown[] => {
  const text = readFileSync(join(docs, "protocol.md"), "utf8");
  return [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json ?? "") as unknown);
};

describe("the AsyncAPI file", () => {
  it("is what the schemas of the daemon give (npm run docs)", () => {
    expect(existsSync(join(docs, "asyncapi.yaml"))).toBe(true);
    expect(readFileSync(join(docs, "asyncapi.yaml"), "utf8")).toBe(asyncApiText());
    expect(parse(asyncApiText())).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it("has references that all lead somewhere", () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
    for (const [, path] of references) {
      const target = (path ?? "")
        .split("/")
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      expect(target, path).toBeDefined();
    }
  });

  it.each(entries)("%s: its examples fit its schema", (_name, { payload, headers, examples }) => {
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const validate = ajv.compile(headers ?? payload);
      expect(validate(headers === undefined ? example.payload : example.headers), ajv.errorsText(validate.errors)).toBe(
        true,
      );
    }
  });
});

describe("docs/protocol.md", () => {
  it("shows messages that fit both the AsyncAPI schema and the daemon's own", () => {
    const shown = blocks();
    expect(shown.length).toBeGreaterThanOrEqual(entries.length);
    for (const message of shown) {
      const { type } = message as { type: string };
      const entry = document.components.messages[type];
      const validate = ajv.compile(entry?.headers ?? entry?.payload ?? {});
      expect(entry, type).toBeDefined();
      expect(validate(message), `${type}: ${ajv.errorsText(validate.errors)}`).toBe(true);
      if (type === "frame") continue;
      const known = clientMessageSchema.safeParse(message).success || serverMessageSchema.safeParse(message).success;
      expect(known, type).toBe(true);
    }
  });

  it("shows every message and names every code", () => {
    const text = readFileSync(join(docs, "protocol.md"), "utf8");
    const shown = new Set(blocks().map((message) => (message as { type: string }).type));
    expect([...shown].sort()).toEqual(entries.map(([name]) => name).sort());
    for (const code of streamErrorCodes) {
      expect(text).toContain(code);
      expect(errorTable[code]).toBeDefined();
    }
  });
});

describe("messages of frames", () => {
  const [picture, density] = [new Uint8Array([1, 2, 3]), new Uint8Array([4, 5])];
  const header = {
    ...frameExample,
    picture: { encoding: "jpeg" as const, bytes: 3 },
    density: { ...frameExample.density!, bytes: 2 },
  };

  it("come apart as they were put together", () => {
    const decoded = decodeFrameMessage(encodeFrameMessage(header, [picture, density]));
    expect(decoded.header).toEqual(header);
    expect([...decoded.picture]).toEqual([1, 2, 3]);
    expect([...(decoded.density ?? [])]).toEqual([4, 5]);
  });

  it("that are cut short at any place are refused with a code", () => {
    const whole = encodeFrameMessage(header, [picture, density]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeFrameMessage(whole.subarray(0, length))).toThrowError(
        expect.objectContaining({ code: "REQUEST_INVALID" }),
      );
    }
  });
});
