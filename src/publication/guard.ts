import { isIP } from "node:net";
import type { ErrorCode } from "../core/index.js";

/** Who may be answered: guards against pages of other sites and against DNS rebinding. */
export interface GuardOptions {
  /** The host that is listened on, as configured. */
  readonly host: string;
  /** Further names by which this machine is opened, as behind a proxy; lower case. */
  readonly allowedHosts: readonly string[];
  /** Further origins whose pages may read the stream, as `https://lab.example`. */
  readonly allowedOrigins: readonly string[];
}

const parseAuthority = (authority: string): URL | undefined => {
  if (!/^[A-Za-z0-9.:[\]-]{1,260}$/.test(authority)) return undefined;
  try {
    return new URL(`http://${authority}`);
  } catch {
    return undefined;
  }
};

const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, "").toLowerCase();

/** Whether a host name or address, without port, means the machine itself. */
export const isLoopbackHost = (hostname: string): boolean => {
  const host = bareHost(hostname);
  if (host === "localhost" || host.endsWith(".localhost") || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
};

/**
 * Why a request must not be answered, or undefined. A page can make the browser send a foreign *name* in Host by rebinding that
 * name to this machine's address, but never an address: so addresses and known names pass. An Origin, which browsers send with
 * every WebSocket handshake, must be the very host that was asked, a loopback host, or listed.
 */
export const refusal = (
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
  options: GuardOptions,
): Extract<ErrorCode, "HOST_REFUSED" | "ORIGIN_REFUSED"> | undefined => {
  const asked = headers.host === undefined ? undefined : parseAuthority(headers.host);
  if (asked === undefined) return "HOST_REFUSED";
  const host = bareHost(asked.hostname);
  const known = isLoopbackHost(host) || isIP(host) !== 0 || host === options.host.toLowerCase();
  if (!known && !options.allowedHosts.includes(host)) return "HOST_REFUSED";
  return headers.origin === undefined || originAllowed(headers.origin, asked, options) ? undefined : "ORIGIN_REFUSED";
};

const originAllowed = (origin: string, asked: URL, options: GuardOptions): boolean => {
  if (options.allowedOrigins.includes(origin)) return true;
  const match = /^https?:\/\/([^/?#@]+)$/.exec(origin);
  const from = match?.[1] === undefined ? undefined : parseAuthority(match[1]);
  return from !== undefined && (from.host === asked.host || isLoopbackHost(from.hostname));
};

/**
 * Whether a request may change something: hand in a label, steer a training, exchange a model. Stricter than reading: a page must be
 * the daemon's own or of a listed origin, whatever else runs on this machine. Programs send no Origin.
 */
export const mayChange = (
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
  { allowedOrigins }: GuardOptions,
): boolean => {
  const { host, origin } = headers;
  if (origin === undefined || allowedOrigins.includes(origin)) return true;
  const asked = host === undefined ? undefined : parseAuthority(host);
  const match = /^https?:\/\/([^/?#@]+)$/.exec(origin);
  const from = match?.[1] === undefined ? undefined : parseAuthority(match[1]);
  return from !== undefined && from.host === asked?.host;
};
