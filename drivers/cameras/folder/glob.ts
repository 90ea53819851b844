/** Globs as shells know them: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{one,two}`, `**` across folders. */
export interface Glob {
  /** The folders before the first wildcard; nothing outside can match. */
  readonly base: string;
  /** Whether folders below `base` can hold matches. */
  readonly deep: boolean;
  /** Whether a path matches; separated by `/`, as long as `base` is. */
  matches(path: string): boolean;
}

const wildcard = /[*?[\]{}]/;

export const isGlob = (source: string): boolean => wildcard.test(source);

const literal = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/** The inside of a class: characters and ranges; a range that runs backwards holds nothing, as in shells. */
function classBody(body: string): string {
  const characters = [...body];
  const escaped = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;
  let pattern = "";
  for (let at = 0; at < characters.length; at++) {
    const first = characters[at]!;
    const last = characters[at + 1] === "-" ? characters[at + 2] : undefined;
    if (last === undefined) pattern += escaped(first);
    else {
      if (first.codePointAt(0)! <= last.codePointAt(0)!) pattern += `${escaped(first)}-${escaped(last)}`;
      at += 2;
    }
  }
  return pattern;
}

/** The characters of a class, or undefined where the bracket is not closed and stands for itself. */
function characterClass(segment: string, at: number): { readonly text: string; readonly end: number } | undefined {
  const negated = segment[at + 1] === "!" || segment[at + 1] === "^";
  const start = at + (negated ? 2 : 1);
  const end = segment.indexOf("]", start + 1);
  if (end < 0) return undefined;
  return { text: `[${negated ? "^/" : ""}${classBody(segment.slice(start, end))}]`, end };
}

function segmentPattern(segment: string): string {
  // As in shells, a wildcard at the beginning does not match the dot of a hidden file.
  let pattern = /^[*?[]/.test(segment) ? "(?!\\.)" : "";
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at]!;
    const bracket = character === "[" ? characterClass(segment, at) : undefined;
    if (bracket !== undefined) {
      pattern += bracket.text;
      at = bracket.end;
    } else if (character === "*") {
      if (segment[at - 1] !== "*") pattern += "[^/]*";
    } else {
      pattern += character === "?" ? "[^/]" : literal(character);
    }
  }
  return pattern;
}

/** `a{b,c}d` as `abd` and `acd`; an unclosed brace stands for itself. */
export function expandBraces(text: string): readonly string[] {
  const open = text.indexOf("{");
  if (open < 0) return [text];
  const choices: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}") depth--;
    if (depth > 1 || (text[at] !== "," && depth > 0)) continue;
    if (text[at] === "{") continue;
    choices.push(text.slice(from, at));
    from = at + 1;
    if (depth > 0) continue;
    const ends = expandBraces(text.slice(at + 1));
    const middles = choices.flatMap((choice) => expandBraces(choice));
    return middles.flatMap((middle) => ends.map((end) => text.slice(0, open) + middle + end));
  }
  return expandBraces(text.slice(open + 1)).map((rest) => text.slice(0, open + 1) + rest);
}

const pathPattern = (segments: readonly string[]): string =>
  segments
    .map((segment, index) => {
      const last = index === segments.length - 1;
      if (segment === "**") return last ? "(?!\\.).+" : "(?:(?!\\.)[^/]+/)*";
      return segmentPattern(segment) + (last ? "" : "/");
    })
    .join("");

/** Reads a glob. Every text is one; without a wildcard it matches itself alone. */
export function parseGlob(source: string): Glob {
  const segments = source.split("/");
  const firstWild = segments.findIndex((segment) => wildcard.test(segment));
  const literalCount = firstWild < 0 ? segments.length - 1 : firstWild;
  const base = segments.slice(0, literalCount).join("/");
  const rest = segments.slice(literalCount).join("/");
  const patterns = expandBraces(rest).map((choice) => pathPattern(choice.split("/")));
  const prefix = literalCount === 0 ? "" : `${[...base].map(literal).join("")}/`;
  const expression = new RegExp(`^${prefix}(?:${patterns.join("|")})$`, "su");
  return {
    base: literalCount === 0 ? "." : base === "" ? "/" : base,
    deep: rest.includes("/") || rest.includes("**"),
    matches: (path) => expression.test(path),
  };
}
