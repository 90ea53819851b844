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

/** The boundary that a Content-Type names, without hyphens in front of it; undefined where it names none, or is of another type. */
export function boundaryOf(contentType: string): string | undefined {
  const [type, ...parameters] = contentType.split(";");
  if (!/^\s*multipart\//i.test(type ?? "")) return undefined;
  for (const parameter of parameters) {
    const [, quoted, plain] = /^\s*boundary\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*$/i.exec(parameter) ?? [];
    // Many cameras put the two hyphens of the delimiter into the parameter too.
    const boundary = (quoted ?? plain)?.replace(/^--/, "");
    if (boundary !== undefined && boundary !== "" && boundary.length <= 200) return boundary;
  }
  return undefined;
}

type State = "delimiter" | "header" | "counted" | "delimited" | "over";

const returnByte = 13;
const newlineByte = 10;
const noBytes = new Uint8Array(0);

/**
 * Takes a multipart stream (RFC 2046, as `multipart/x-mixed-replace` uses it) apart as it comes. A part that tells its length is cut by it, another by
 * the boundary that follows. Memory is bounded by the limits, whatever comes; after a fault it goes on at the next boundary. Pure.
 *
 * Lines may end in CRLF or LF. Text before the first boundary is passed over, and so are empty lines between parts.
 */
export class MultipartParser {
  readonly #delimiter: Uint8Array;
  readonly #maxHeaderBytes: number;
  /** What is not used up: never more than a body, a header and a chunk. */
  #held: Uint8Array = noBytes;
  /** Where the search for the next delimiter goes on. */
  #searched = 0;
  #state: State = "delimiter";
  #headers: ReadonlyMap<string, string> = new Map();
  #length = 0;
  /** Bytes of a counted body: filled as they come, each copied once. */
  #body: Uint8Array = noBytes;
  #filled = 0;
  #inFault = false;

  constructor(
    boundary: string,
    readonly limits: MultipartLimits,
  ) {
    this.#delimiter = new TextEncoder().encode(`--${boundary}`);
    this.#maxHeaderBytes = limits.maxHeaderBytes ?? 16_384;
  }

  /** Whether the stream has told its end. */
  get over(): boolean {
    return this.#state === "over";
  }

  /** Whether a part has been begun. */
  get partial(): boolean {
    return this.#state === "counted" || this.#state === "delimited" || this.#state === "header";
  }

  push(chunk: Uint8Array): readonly MultipartEvent[] {
    const events: MultipartEvent[] = [];
    let rest: Uint8Array | undefined = chunk;
    // A counted body takes its bytes straight from the chunk; everything else is looked at in one piece.
    while (rest !== undefined) {
      if (this.#state === "over") return events;
      if (this.#state === "counted" && this.#held.length === 0) {
        rest = this.#fill(rest, events);
        continue;
      }
      if (rest.length > 0) this.#held = this.#held.length === 0 ? rest : joined(this.#held, rest);
      rest = undefined;
      while (this.#step(events));
    }
    // What is held may be a view of the caller's chunk.
    if (this.#held.length > 0 && this.#held.buffer === chunk.buffer) this.#held = this.#held.slice();
    return events;
  }

  /** One step over what is held; false where more is needed. */
  #step(events: MultipartEvent[]): boolean {
    switch (this.#state) {
      case "delimiter":
        return this.#findDelimiter(events);
      case "header":
        return this.#readHeader(events);
      case "counted": {
        const rest = this.#fill(this.#held, events);
        this.#use(this.#held.length - (rest?.length ?? 0));
        return rest !== undefined;
      }
      case "delimited":
        return this.#findEnd(events);
      case "over":
        return false;
    }
  }

  #fill(bytes: Uint8Array, events: MultipartEvent[]): Uint8Array | undefined {
    const taken = bytes.subarray(0, this.#length - this.#filled);
    this.#body.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#filled < this.#length) return undefined;
    events.push({ kind: "part", headers: this.#headers, body: this.#body });
    this.#body = noBytes;
    this.#await();
    return bytes.subarray(taken.length);
  }

  /** Looks for the line of the delimiter; what is before it belongs to nothing. */
  #findDelimiter(events: MultipartEvent[]): boolean {
    const at = indexOf(this.#held, this.#delimiter, this.#searched);
    if (at < 0) {
      this.#passOver(events);
      return false;
    }
    const after = at + this.#delimiter.length;
    // Two hyphens end the stream; anything else to the end of the line is padding.
    const end = this.#held.indexOf(newlineByte, after);
    if (isClosing(this.#held, after)) {
      this.#state = "over";
      this.#use(this.#held.length);
      return false;
    }
    if (end < 0) {
      if (this.#held.length - after > this.#maxHeaderBytes) return this.#fault("has a boundary line without end", events);
      this.#searched = at;
      return false;
    }
    if (at > 0 && !isBlank(this.#held.subarray(0, at)) && this.#headers.size > 0) {
      this.#report("has bytes between its parts", events);
    }
    this.#use(end + 1);
    this.#state = "header";
    return true;
  }

  /** No delimiter yet: all but what might be its beginning is let go. */
  #passOver(events: MultipartEvent[]): void {
    const kept = Math.min(this.#held.length, this.#delimiter.length - 1);
    const gone = this.#held.length - kept;
    if (gone > 0 && this.#headers.size > 0 && !isBlank(this.#held.subarray(0, gone))) {
      this.#report("has bytes between its parts", events);
    }
    this.#use(gone);
  }

  #readHeader(events: MultipartEvent[]): boolean {
    const end = endOfHeader(this.#held);
    if (end === undefined) {
      return this.#held.length > this.#maxHeaderBytes ? this.#fault("has a header without end", events) : false;
    }
    if (end.at > this.#maxHeaderBytes) return this.#fault("has a header that is too long", events);
    this.#headers = parseHeaders(this.#held.subarray(0, end.at));
    const told = this.#headers.get("content-length");
    this.#use(end.next);
    this.#inFault = false;
    if (told === undefined) {
      this.#state = "delimited";
      return true;
    }
    const length = /^\d{1,10}$/.test(told) ? Number(told) : Number.NaN;
    if (!(length <= this.limits.maxBodyBytes)) return this.#fault("tells a length that cannot be", events);
    this.#length = length;
    this.#filled = 0;
    this.#body = new Uint8Array(length);
    this.#state = "counted";
    return true;
  }

  /** A body without a length ends before the line end that the next delimiter begins with. */
  #findEnd(events: MultipartEvent[]): boolean {
    const at = indexOf(this.#held, this.#delimiter, this.#searched);
    if (at < 0) {
      if (this.#held.length > this.limits.maxBodyBytes + this.#delimiter.length + 2) {
        return this.#fault("has a part that is too long", events);
      }
      this.#searched = Math.max(0, this.#held.length - this.#delimiter.length + 1);
      return false;
    }
    const body = this.#held.slice(0, at - endingBefore(this.#held, at));
    if (body.length > this.limits.maxBodyBytes) this.#report("has a part that is too long", events);
    else events.push({ kind: "part", headers: this.#headers, body });
    this.#use(at);
    this.#await();
    return true;
  }

  #await(): void {
    this.#state = "delimiter";
    this.#searched = 0;
  }

  /** Goes on at the next boundary. */
  #fault(why: string, events: MultipartEvent[]): boolean {
    this.#report(why, events);
    this.#await();
    // The delimiter that stands in front, if any, has been read: it would be found again.
    this.#use(Math.min(1, this.#held.length));
    return this.#held.length > 0;
  }

  /** One fault for each stretch that is lost, however many chunks it comes in. */
  #report(why: string, events: MultipartEvent[]): void {
    if (!this.#inFault) events.push({ kind: "fault", why });
    this.#inFault = true;
  }

  #use(count: number): void {
    this.#held = this.#held.subarray(count);
    this.#searched = 0;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.indexOf(wanted, from);
}

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === returnByte || byte === newlineByte);

const hyphenByte = 45;
const isClosing = (bytes: Uint8Array, at: number): boolean => bytes[at] === hyphenByte && bytes[at + 1] === hyphenByte;

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
