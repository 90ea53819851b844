import { CytoError } from "../../../src/core/index.js";

/** Where a stream is, and what must not be seen of it. */
export interface StreamAddress {
  /** Without user name and password. */
  readonly url: URL;
  /** The value of the Authorization header, where the address carries a user name. */
  readonly authorization: string | undefined;
  /** Fit to be shown and logged. */
  readonly shown: string;
}

const secretKey = /pass|pwd|token|key|secret|auth|sig/i;

function shownOf(url: URL, hasUser: boolean): string {
  const shown = new URL(url);
  for (const name of new Set(shown.searchParams.keys())) {
    if (secretKey.test(name)) shown.searchParams.set(name, "***");
  }
  const text = shown.href;
  return hasUser ? text.replace("://", "://***@") : text;
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    // A lone per cent sign stands for itself.
    return part;
  }
};

/**
 * Takes an address apart.
 * @throws CytoError CAMERA_SOURCE_NOT_FOUND where there is none, CAMERA_UNSUPPORTED for another scheme than http and https
 */
export function parseAddress(source: string | undefined): StreamAddress {
  if (source === undefined || source === "") {
    throw new CytoError("CAMERA_SOURCE_NOT_FOUND", "The mjpeg camera needs a source: the address of a stream.");
  }
  // What cannot be read may hold a password anywhere: it is not repeated.
  if (!URL.canParse(source)) {
    throw new CytoError("CAMERA_SOURCE_NOT_FOUND", "The mjpeg camera's source is no address.", {
      remedy: "Give the address of a stream, e.g. http://192.168.1.20:8080/stream.",
    });
  }
  const url = new URL(source);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new CytoError("CAMERA_UNSUPPORTED", `Addresses of the scheme ${url.protocol.slice(0, -1)} are not opened.`, {
      remedy: "Give an address with http or https; the camera ffmpeg reads others.",
    });
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.hash = "";
  const hasUser = username !== "" || password !== "";
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`, "utf8").toString("base64");
  return { url, shown: shownOf(url, hasUser), authorization: hasUser ? `Basic ${credentials}` : undefined };
}

/**
 * Where a redirection leads. Credentials go to the same origin only, and from https nothing leads to http.
 * @throws CytoError CAMERA_UNSUPPORTED where it leads nowhere that is opened
 */
export function redirected(from: StreamAddress, location: string): StreamAddress {
  const refuse = (why: string): CytoError =>
    new CytoError("CAMERA_UNSUPPORTED", `${from.shown} redirects ${why}.`, { context: { source: from.shown } });
  if (!URL.canParse(location, from.url)) throw refuse("to what is no address");
  const url = new URL(location, from.url);
  const wanted = ["http:", "https:"].includes(url.protocol);
  if (!wanted) throw refuse(`to an address of the scheme ${url.protocol.slice(0, -1)}, which is not opened`);
  if (from.url.protocol === "https:" && url.protocol === "http:") throw refuse("from https to http");
  const to = parseAddress(url.href);
  if (to.authorization !== undefined || url.origin !== from.url.origin) return to;
  return { ...to, authorization: from.authorization };
}
