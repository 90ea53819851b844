import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurably } from "../../store/index.js";
import type { TileAddress } from "./pyramid.js";

/** A tile as it was when so many of the fields that show in it were drawn. */
export interface CachedTile {
  readonly fields: number;
  readonly picture: Uint8Array;
}

interface Entry {
  readonly name: string;
  readonly fields: number;
  readonly bytes: number;
}

const namePattern = /^(\d+)-(\d+)-(\d+)-(\d+)\.png$/;
const keyOf = ({ level, column, row }: TileAddress): string => `${level}-${column}-${row}`;

/**
 * Tiles of one scan on the disk, without loss, so that later fields can be drawn over them. What is over the bound goes, the longest unused
 * first. Everything in it can be made again: what cannot be written or read is as if it were not there.
 */
export class TileCache {
  readonly #directory: string;
  readonly #mostBytes: number;
  /** By tile, the longest unused first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #loaded: Promise<void> | undefined;

  constructor(directory: string, mostBytes: number) {
    this.#directory = directory;
    this.#mostBytes = mostBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async get(tile: TileAddress): Promise<CachedTile | undefined> {
    await this.#load();
    const key = keyOf(tile);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    try {
      return { fields: entry.fields, picture: await readFile(join(this.#directory, entry.name)) };
    } catch {
      this.#forget(key);
      return undefined;
    }
  }

  async put(tile: TileAddress, { fields, picture }: CachedTile): Promise<void> {
    await this.#load();
    const key = keyOf(tile);
    const name = `${key}-${fields}.png`;
    const old = this.#entries.get(key);
    try {
      await writeFileDurably(join(this.#directory, name), picture);
    } catch {
      return;
    }
    this.#forget(key);
    if (old !== undefined && old.name !== name) await this.#remove(old.name);
    this.#entries.set(key, { name, fields, bytes: picture.length });
    this.#bytes += picture.length;
    await this.#makeRoom();
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }

  async #remove(name: string): Promise<void> {
    await rm(join(this.#directory, name), { force: true }).catch(() => {});
  }

  async #makeRoom(): Promise<void> {
    for (const [key, { name }] of this.#entries) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#forget(key);
      await this.#remove(name);
    }
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#readDirectory();
    return this.#loaded;
  }

  async #readDirectory(): Promise<void> {
    await mkdir(this.#directory, { recursive: true }).catch(() => {});
    const names = await readdir(this.#directory).catch(() => []);
    const known: (Entry & { key: string; usedMs: number })[] = [];
    for (const name of names) {
      const match = namePattern.exec(name);
      const facts = await stat(join(this.#directory, name)).catch(() => undefined);
      if (match === null || facts === undefined) continue;
      const [, level, column, row, fields] = match;
      const key = `${level}-${column}-${row}`;
      known.push({ key, name, fields: Number(fields), bytes: facts.size, usedMs: facts.mtimeMs });
    }
    // Of two states of one tile, which a crash between writing and removing leaves, the newer one stays.
    known.sort((a, b) => a.usedMs - b.usedMs || a.fields - b.fields);
    for (const { key, ...entry } of known) {
      const older = this.#entries.get(key);
      if (older !== undefined) await this.#remove(older.name);
      this.#forget(key);
      this.#entries.set(key, entry);
      this.#bytes += entry.bytes;
    }
    await this.#makeRoom();
  }
}
