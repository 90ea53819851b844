import type { FileHandle } from "node:fs/promises";
import { CytoError } from "../core/index.js";

/** POSIX ustar (IEEE Std 1003.1, pax): what `tar` reads. Files alone, no links, no folders of their own. */

const block = 512;
/** Eleven octal digits. */
const largest = 8 ** 11 - 1;

export interface TarEntry {
  /** Relative, with slashes. */
  readonly name: string;
  readonly size: number;
  /** Seconds since the epoch. */
  readonly modified: number;
}

const invalid = (message: string): CytoError => new CytoError("STORE_DAMAGED", message);

/** A name in the header's two places: at most 155 bytes before a slash, 100 behind it. */
const splitName = (name: string): readonly [prefix: string, name: string] => {
  const length = (text: string): number => Buffer.byteLength(text);
  if (length(name) <= 100) return ["", name];
  for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
    const [prefix, rest] = [name.slice(0, at), name.slice(at + 1)];
    if (length(prefix) <= 155 && length(rest) <= 100 && prefix !== "" && rest !== "") return [prefix, rest];
  }
  throw new CytoError("STORE_FAILED", `the name ${name} is too long for an archive`);
};

const checksum = (header: Uint8Array): number =>
  header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0);

/** The 512 bytes before an entry's content. @throws CytoError STORE_FAILED where it does not fit the format */
export const encodeTarHeader = ({ name, size, modified }: TarEntry): Uint8Array => {
  if (size > largest) throw new CytoError("STORE_FAILED", `${name} is too large for an archive`);
  const [prefix, rest] = splitName(name);
  const header = Buffer.alloc(block);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${Math.floor(value).toString(8).padStart(digits, "0")}\0`, at, "latin1");
  };
  header.write(rest, 0, "utf8");
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Math.max(0, Math.min(modified, largest)), 136, 11);
  header.write("0", 156, "latin1");
  header.write("ustar", 257, "latin1");
  header.write("00", 263, "latin1");
  header.write(prefix, 345, "utf8");
  header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
};

/** Zeros that fill an entry's content up to a whole block. */
export const tarPadding = (size: number): Uint8Array => new Uint8Array((block - (size % block)) % block);

/** Two blocks of zeros. */
export const tarEnd = new Uint8Array(2 * block);

const textAt = (header: Uint8Array, at: number, length: number): string => {
  const field = Buffer.from(header.buffer, header.byteOffset + at, length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
};

const octalAt = (header: Uint8Array, at: number, length: number): number => {
  const text = textAt(header, at, length).trim();
  if (!/^[0-7]+$/.test(text)) throw invalid("an archive's header is damaged");
  return Number.parseInt(text, 8);
};

/** Names go below the folder that is written to, and nowhere else. */
const isSafeName = (name: string): boolean =>
  name !== "" &&
  !name.includes("\\") &&
  !name.includes("\0") &&
  !/^[A-Za-z]:/.test(name) &&
  name.split("/").every((part) => part !== "" && part !== "." && part !== "..");

/**
 * An entry's header; undefined for the zeros at the end.
 * @throws CytoError STORE_DAMAGED where it is no header of a file with a safe name
 */
export const decodeTarHeader = (header: Uint8Array): TarEntry | undefined => {
  if (header.every((byte) => byte === 0)) return undefined;
  if (octalAt(header, 148, 8) !== checksum(header)) throw invalid("an archive's header does not fit its checksum");
  const type = header[156];
  if (type !== 0x30 && type !== 0) throw invalid("an archive has something in it that is no file");
  const prefix = textAt(header, 345, 155);
  const name = prefix === "" ? textAt(header, 0, 100) : `${prefix}/${textAt(header, 0, 100)}`;
  if (!isSafeName(name)) throw invalid(`an archive names ${JSON.stringify(name)}`);
  return { name, size: octalAt(header, 124, 12), modified: octalAt(header, 136, 12) };
};

const readExactly = async (file: FileHandle, buffer: Uint8Array, position: number): Promise<void> => {
  for (let at = 0; at < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, at, buffer.length - at, position + at);
    if (bytesRead === 0) throw invalid("an archive ends too early");
    at += bytesRead;
  }
};

const partBytes = 1024 * 1024;

/** The content of an entry, in parts; a part holds until the next. */
async function* partsOf(file: FileHandle, position: number, size: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(partBytes, size));
  for (let at = 0; at < size; at += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, size - at));
    await readExactly(file, part, position + at);
    yield part;
  }
}

/** The entries of an archive, one after the other. @throws CytoError STORE_DAMAGED */
export async function* readTar(
  file: FileHandle,
): AsyncGenerator<{ readonly entry: TarEntry; readonly parts: AsyncIterable<Uint8Array> }> {
  const header = new Uint8Array(block);
  for (let position = 0; ; ) {
    await readExactly(file, header, position);
    const entry = decodeTarHeader(header);
    if (entry === undefined) return;
    yield { entry, parts: partsOf(file, position + block, entry.size) };
    position += block + Math.ceil(entry.size / block) * block;
  }
}
