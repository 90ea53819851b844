import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { CytoError } from "../../core/index.js";
import type { ParameterState } from "../../engine/index.js";

export interface Checkpoint {
  /** What the training was asked to do; a checkpoint fits only a training with an equal fingerprint. */
  readonly fingerprint: string;
  /** What the fingerprint is of, where it was told: JSON, to say what differs. */
  readonly identity?: unknown;
  readonly steps: number;
  readonly elapsedMs: number;
  /** State of the source of batches, JSON-serialisable. */
  readonly source: unknown;
  readonly states: Readonly<Record<string, ParameterState>>;
}

const magic = "cytostream checkpoint 1\n";
const vectors = ["parameters", "firstMoment", "secondMoment", "average", "statistics"] as const;

const count = z.int().nonnegative();
const headerSchema = z.object({
  fingerprint: z.string(),
  identity: z.unknown().optional(),
  steps: count,
  elapsedMs: z.number(),
  source: z.unknown(),
  sets: z.array(z.object({ name: z.string(), steps: count, lengths: z.array(count).length(vectors.length) })),
});

type Header = z.infer<typeof headerSchema>;

/** Fingerprint of whatever decides a training's course. */
export const fingerprintOf = (settings: unknown): string =>
  createHash("sha256").update(JSON.stringify(settings)).digest("hex");

/**
 * Writes a checkpoint: magic line, SHA-256 of the rest (32 bytes), length of the JSON header (uint32, little-endian),
 * header, then the vectors as little-endian float32. The file appears whole or not at all; the one before it stays beside
 * it (see `checkpointBefore`).
 */
export const writeCheckpoint = async (path: string, checkpoint: Checkpoint): Promise<void> => {
  const sets = Object.entries(checkpoint.states);
  const header: Header = {
    fingerprint: checkpoint.fingerprint,
    ...(checkpoint.identity === undefined ? {} : { identity: checkpoint.identity }),
    steps: checkpoint.steps,
    elapsedMs: checkpoint.elapsedMs,
    source: checkpoint.source,
    sets: sets.map(([name, state]) => ({ name, steps: state.steps, lengths: vectors.map((key) => state[key].length) })),
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const data = sets.flatMap(([, state]) =>
    vectors.map((key) => Buffer.from(state[key].buffer, state[key].byteOffset, state[key].byteLength)),
  );
  const body = Buffer.concat([length, json, ...data]);
  const digest = createHash("sha256").update(body).digest();
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.new`, "w");
  try {
    await file.writeFile(Buffer.concat([Buffer.from(magic), digest, body]));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(path, checkpointBefore(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(`${path}.new`, path);
};

/** Where the checkpoint before the newest one is kept. */
export const checkpointBefore = (path: string): string => `${path}.before`;

/** The leaves that differ between two JSON values, by path. */
const differencesOf = (there: unknown, here: unknown, path = ""): readonly string[] => {
  if (JSON.stringify(there) === JSON.stringify(here)) return [];
  const isTree = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (!isTree(there) || !isTree(here) || Array.isArray(there) !== Array.isArray(here))
    return [`${path || "identity"} is ${JSON.stringify(there)} there and ${JSON.stringify(here)} here`];
  return [...new Set([...Object.keys(there), ...Object.keys(here)])].flatMap((key) =>
    differencesOf(there[key], here[key], path ? `${path}.${key}` : key),
  );
};

const mostDifferences = 4;

const otherTraining = (path: string, there: unknown, here: unknown): CytoError => {
  const message = `${path} belongs to a training with other settings or data`;
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
  const known = there !== undefined && here !== undefined ? differencesOf(plain(there), plain(here)) : [];
  const named = known.slice(0, mostDifferences).join("; ");
  const more = known.length > mostDifferences ? `; and ${known.length - mostDifferences} more` : "";
  return new CytoError("CHECKPOINT_INVALID", named ? `${message}: ${named}${more}` : message, {
    context: { reason: "other training" },
  });
};

export interface FoundCheckpoint {
  readonly checkpoint: Checkpoint | undefined;
  /** Why the newest one was passed over, where it was. */
  readonly passedOver?: string | undefined;
}

/**
 * The checkpoint to go on from: the newest one, or the one before it where that is damaged.
 * @throws CytoError CHECKPOINT_INVALID where none can be read, or it belongs to another training, naming what differs
 */
export const findCheckpoint = async (
  path: string,
  fingerprint: string,
  identity?: unknown,
): Promise<FoundCheckpoint> => {
  try {
    const checkpoint = await readCheckpoint(path, fingerprint, identity);
    if (checkpoint) return { checkpoint };
    return { checkpoint: await readCheckpoint(checkpointBefore(path), fingerprint, identity) };
  } catch (error) {
    const failure = CytoError.from(error, "CHECKPOINT_INVALID");
    if (failure.context.reason === "other training") throw failure;
    const checkpoint = await readCheckpoint(checkpointBefore(path), fingerprint).catch(() => undefined);
    if (!checkpoint) throw failure;
    return { checkpoint, passedOver: failure.message };
  }
};

/**
 * Reads a checkpoint back, bit for bit; undefined where there is none.
 * @param fingerprint of the training that it must belong to; without it any training's
 * @param identity what the fingerprint is of, to say what differs
 * @throws CytoError CHECKPOINT_INVALID where the file is damaged or belongs to another training
 */
export const readCheckpoint = async (
  path: string,
  fingerprint?: string,
  identity?: unknown,
): Promise<Checkpoint | undefined> => {
  let file: Buffer;
  try {
    file = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CytoError("CHECKPOINT_INVALID", `${path} cannot be read`, { cause: error });
  }
  const start = magic.length + 32;
  const body = file.subarray(start);
  const digest = createHash("sha256").update(body).digest();
  if (file.subarray(0, magic.length).toString() !== magic || !digest.equals(file.subarray(magic.length, start))) {
    throw new CytoError("CHECKPOINT_INVALID", `${path} is damaged or not a checkpoint`);
  }
  const headerEnd = 4 + (body.length < 4 ? 0 : body.readUInt32LE(0));
  const header = parseHeader(path, body.subarray(4, headerEnd).toString());
  if (fingerprint !== undefined && header.fingerprint !== fingerprint)
    throw otherTraining(path, header.identity, identity);
  const { steps, elapsedMs, source, sets } = header;
  const floats = sets.flatMap((set) => set.lengths).reduce((sum, length) => sum + length, 0);
  if (body.length !== headerEnd + 4 * floats) throw new CytoError("CHECKPOINT_INVALID", `${path} has another length`);
  return {
    fingerprint: header.fingerprint,
    ...(header.identity === undefined ? {} : { identity: header.identity }),
    steps,
    elapsedMs,
    source,
    states: readStates(sets, body.subarray(headerEnd)),
  };
};

const parseHeader = (path: string, json: string): Header => {
  try {
    return headerSchema.parse(JSON.parse(json));
  } catch (error) {
    throw new CytoError("CHECKPOINT_INVALID", `${path} has an unreadable header`, { cause: error });
  }
};

const readStates = (sets: Header["sets"], data: Buffer): Record<string, ParameterState> => {
  let offset = 0;
  const take = (length: number): Float32Array => {
    const bytes = Uint8Array.from(data.subarray(offset, offset + 4 * length));
    offset += 4 * length;
    return new Float32Array(bytes.buffer);
  };
  return Object.fromEntries(
    sets.map(({ name, steps, lengths }) => {
      const [parameters, firstMoment, secondMoment, average, statistics] = lengths.map(take) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      return [name, { parameters, firstMoment, secondMoment, average, statistics, steps }];
    }),
  );
};

export const checkpointPath = (directory: string): string => join(directory, "checkpoint.bin");
