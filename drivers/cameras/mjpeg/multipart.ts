/** What a multipart stream holds: a part, whole; or something of it that is lost. */
export type MultipartEvent =
  | { readonly kind: "part"; readonly headers: ReadonlyMap<string, string>; readonly body: Uint8Array }
  | { readonly kind: "fault"; readonly why: string };

export interface MultipartLimits {
  /** Longest body of a part, bytes. */
  readonly maxBodyBytes: number;
  /** Longest header of a part, and longest text between parts. */
  readonly maxHeaderBytes?: number;
}

const returnByte = 13;
const newlineByte = 10;
const hyphenByte = 45;
const noBytes = new Uint8Array(0);
const longestBoundary = 200;

/** The boundary that a Content-Type names, without hyphens in front of it; undefined where it names none, or is of another type. */
export function boundaryOf(contentType: string): string | undefined {
  const [type, ...parameters] = contentType.split(";");
  if (!/^\s*multipart\//i.test(type ?? "")) return undefined;
  for (const parameter of parameters) {
    const [, quoted, plain] = /^\s*boundary\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*$/i.exec(parameter) ?? [];
    // Many cameras put the two hyphens of the delimiter into the parameter too.
    const boundary = (quoted ?? plain)?.replace(/^--/, "");
    if (boundary !== undefined && boundary !== "" && boundary.length <= longestBoundary) return boundary;
  }
  return undefined;
}

type State = "first" | "delimiter" | "header" | "counted" | "delimited" | "over";

/**
 * Takes a multipart stream (RFC 2046, as `multipart/x-mixed-replace` uses it) apart as it comes. A part that tells its length is cut by it,
 * another by the boundary that follows. Memory is bounded by the limits, whatever comes; after a fault it goes on at the next
 * boundary. Pure.
 *
 * Lines may end in CRLF or LF. Text before the first boundary is passed over, and so are empty lines between parts.
 */
export class MultipartParser {
  #delimiter: Uint8Array = noBytes;
  readonly #maxHeaderBytes: number;
  readonly #held = new ByteQueue();
  /** Where in what is held the search for a delimiter goes on. */
  #searched = 0;
  #state: State = "first";
  #headers: ReadonlyMap<string, string> = new Map();
  #partsSeen = false;
  /** A counted body: filled as its bytes come, each copied once. */
  #body: Uint8Array = noBytes;
  #filled = 0;
  #inFault = false;

  /** @param boundary as `boundaryOf` gives it; without one, the stream's first line is taken for it, as servers without a proper type need it */
  constructor(
    boundary: string | undefined,
    readonly limits: MultipartLimits,
  ) {
    if (boundary !== undefined) this.#begin(`--${boundary}`);
    this.#maxHeaderBytes = limits.maxHeaderBytes ?? 16_384;
  }

  /** Whether the stream has told its end. */
  get over(): boolean {
    return this.#state === "over";
  }

  /** Whether it is no multipart stream at all: it was to begin with its boundary, and does not. */
  get foreign(): boolean {
    return this.over && this.#delimiter.length === 0;
  }

  /** Whether a part has been begun. */
  get partial(): boolean {
    return this.#state === "counted" || this.#state === "delimited" || this.#state === "header";
  }

  push(chunk: Uint8Array): readonly MultipartEvent[] {
    const events: MultipartEvent[] = [];
    // A counted body takes its bytes straight from the chunk.
    const taken = this.#state === "counted" ? this.#fill(chunk, events) : 0;
    if (taken < chunk.length && !this.over) this.#held.append(chunk.subarray(taken));
    while (this.#step(events));
    return events;
  }

  /** One step over what is held; false where more is needed. */
  #step(events: MultipartEvent[]): boolean {
    switch (this.#state) {
      case "first":
        return this.#findBoundary();
      case "delimiter":
        return this.#findDelimiter(events);
      case "header":
        return this.#readHeader(events);
      case "counted":
        this.#use(this.#fill(this.#held.bytes, events));
        return this.#state !== "counted";
      case "delimited":
        return this.#findEnd(events);
      case "over":
        this.#held.clear();
        return false;
    }
  }

  #begin(delimiter: string): void {
    this.#delimiter = new TextEncoder().encode(delimiter);
    this.#state = "delimiter";
  }

  /** The first line that is not empty. */
  #findBoundary(): boolean {
    const { bytes } = this.#held;
    const start = bytes.findIndex((byte) => byte !== returnByte && byte !== newlineByte);
    const end = start < 0 ? -1 : bytes.indexOf(newlineByte, start);
    if (end < 0 && bytes.length <= longestBoundary) return false;
    const line = new TextDecoder("latin1").decode(bytes.subarray(Math.max(start, 0), Math.max(end, 0))).trimEnd();
    if (/^--\S/.test(line) && line.length <= longestBoundary) this.#begin(line);
    else this.#state = "over";
    return true;
  }

  /** @returns how many of the bytes belong to the body */
  #fill(bytes: Uint8Array, events: MultipartEvent[]): number {
    const taken = bytes.subarray(0, this.#body.length - this.#filled);
    this.#body.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#filled < this.#body.length) return taken.length;
    this.#finishCounted(events);
    this.#body = noBytes;
    return taken.length;
  }

  #finishCounted(events: MultipartEvent[]): void {
    this.#await();
    // A length that reaches into the next part would swallow it.
    const at = indexOf(this.#body, this.#delimiter, 0);
    if (at < 0) {
      events.push({ kind: "part", headers: this.#headers, body: this.#body });
      return;
    }
    this.#report("tells a wrong length of a part", events);
    this.#held.prepend(this.#body.subarray(at));
  }

  /** Looks for the line of the delimiter; what is before it belongs to nothing. */
  #findDelimiter(events: MultipartEvent[]): boolean {
    const { bytes } = this.#held;
    const at = indexOf(bytes, this.#delimiter, this.#searched);
    if (at < 0) {
      this.#passOver(Math.max(0, bytes.length - this.#delimiter.length + 1), events);
      return false;
    }
    const after = at + this.#delimiter.length;
    if (bytes[after] === hyphenByte && bytes[after + 1] === hyphenByte) {
      this.#passOver(at, events);
      this.#state = "over";
      return true;
    }
    // Anything else to the end of the line is padding.
    const end = bytes.indexOf(newlineByte, after);
    if ((end < 0 ? bytes.length : end) - after > this.#maxHeaderBytes) {
      return this.#fault("has a boundary line without end", events, after);
    }
    if (end < 0) {
      this.#searched = at;
      return false;
    }
    this.#passOver(at, events);
    this.#use(end + 1 - at);
    this.#state = "header";
    return true;
  }

  /** Lets go of bytes that belong to no part. */
  #passOver(count: number, events: MultipartEvent[]): void {
    if (this.#partsSeen && !isBlank(this.#held.bytes.subarray(0, count))) {
      this.#report("has bytes between its parts", events);
    }
    this.#use(count);
  }

  #readHeader(events: MultipartEvent[]): boolean {
    const { bytes } = this.#held;
    const end = endOfHeader(bytes);
    if ((end?.at ?? bytes.length) > this.#maxHeaderBytes) return this.#fault("has a header that is too long", events);
    if (end === undefined) return false;
    this.#headers = parseHeaders(bytes.subarray(0, end.at));
    this.#use(end.next);
    this.#partsSeen = true;
    this.#inFault = false;
    const told = this.#headers.get("content-length");
    if (told === undefined) {
      this.#state = "delimited";
      return true;
    }
    const length = /^\d{1,10}$/.test(told) ? Number(told) : Number.NaN;
    if (!(length <= this.limits.maxBodyBytes)) return this.#fault("tells a length that cannot be", events);
    this.#state = "counted";
    this.#filled = 0;
    this.#body = new Uint8Array(length);
    return true;
  }

  /** A body without a length ends before the line end that the next delimiter begins with. */
  #findEnd(events: MultipartEvent[]): boolean {
    const { bytes } = this.#held;
    const at = indexOf(bytes, this.#delimiter, this.#searched);
    const bodyEnd = at < 0 ? bytes.length - this.#delimiter.length - 2 : at - endingBefore(bytes, at);
    if (bodyEnd > this.limits.maxBodyBytes) return this.#fault("has a part that is too long", events);
    if (at < 0) {
      this.#searched = Math.max(0, bytes.length - this.#delimiter.length + 1);
      return false;
    }
    events.push({ kind: "part", headers: this.#headers, body: bytes.slice(0, bodyEnd) });
    this.#use(at);
    this.#await();
    return true;
  }

  #await(): void {
    this.#state = "delimiter";
    this.#searched = 0;
  }

  /** Goes on at the next boundary. @param used bytes that are not looked at again */
  #fault(why: string, events: MultipartEvent[], used = 0): true {
    this.#report(why, events);
    this.#await();
    this.#use(used);
    return true;
  }

  /** One fault for each stretch that is lost, however many chunks it comes in. */
  #report(why: string, events: MultipartEvent[]): void {
    if (!this.#inFault) events.push({ kind: "fault", why });
    this.#inFault = true;
  }

  #use(count: number): void {
    this.#held.drop(count);
    this.#searched = 0;
  }
}

/** Bytes in the order of their coming, in one piece; grows by doubling, so that small chunks cost no more than large ones. */
class ByteQueue {
  #buffer = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  append(chunk: Uint8Array): void {
    this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  prepend(chunk: Uint8Array): void {
    const after = this.bytes.slice();
    this.clear();
    this.append(chunk);
    this.append(after);
  }

  drop(count: number): void {
    this.#start += count;
    if (this.#start >= this.#end) this.clear();
  }

  clear(): void {
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(length: number): void {
    if (this.#end + length <= this.#buffer.length) return;
    const { bytes } = this;
    if (bytes.length + length > this.#buffer.length / 2) {
      this.#buffer = new Uint8Array(2 * (bytes.length + length));
      this.#buffer.set(bytes);
    } else this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = bytes.length;
  }
}

const indexOf = (bytes: Uint8Array, wanted: Uint8Array, from: number): number =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(wanted, from);

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === returnByte || byte === newlineByte);

/** Length of the line end before a place. */
function endingBefore(bytes: Uint8Array, at: number): number {
  if (bytes[at - 1] !== newlineByte) return 0;
  return bytes[at - 2] === returnByte ? 2 : 1;
}

/** Where a header ends, and where what follows begins; undefined where its empty line has not come. */
function endOfHeader(bytes: Uint8Array): { readonly at: number; readonly next: number } | undefined {
  let start = 0;
  for (let end = bytes.indexOf(newlineByte); end >= 0; end = bytes.indexOf(newlineByte, start)) {
    const length = end - start - (end > start && bytes[end - 1] === returnByte ? 1 : 0);
    if (length === 0) return { at: start, next: end + 1 };
    start = end + 1;
  }
  return undefined;
}

function parseHeaders(bytes: Uint8Array): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of new TextDecoder("latin1").decode(bytes).split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}
