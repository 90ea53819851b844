import { useEffect, useRef, useState } from "preact/hooks";

/** A refusal of the daemon, by its code, or `UNREACHABLE` where there was no answer. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const addressOf = (path: string): URL => new URL(path, document.baseURI.split("#")[0]);

const answerOf = async (path: string, init: RequestInit): Promise<unknown> => {
  let response: Response;
  try {
    response = await fetch(addressOf(path), init);
  } catch {
    throw new ApiError("UNREACHABLE", "The daemon does not answer.");
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body;
  const { code = "INTERNAL", message = `HTTP ${response.status}` } = Object(body) as {
    code?: string;
    message?: string;
  };
  throw new ApiError(code, message);
};

/** @throws ApiError */
export const get = async <Answer>(path: string): Promise<Answer> => (await answerOf(path, {})) as Answer;

/** @throws ApiError */
export const post = async <Answer>(path: string, body?: object): Promise<Answer> => {
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? { method: "POST" } : { method: "POST", headers, body: JSON.stringify(body) };
  return (await answerOf(path, init)) as Answer;
};

/** An id for a message that may have to be sent again. */
export const newId = (): string =>
  `web-${[...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

export const errorText = (error: unknown): string =>
  error instanceof ApiError ? `${error.message} (${error.code})` : String(error);

export interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly reload: () => void;
}

/**
 * What is at an address: fetched at first, when the address changes, and when `version` does. The old value stays until the new
 * one is there; answers that come too late are let go.
 */
export const useLoaded = <Value>(path: string | undefined, version: unknown = 0): Loaded<Value> => {
  const [state, setState] = useState<{ path?: string; value?: Value; error?: string }>({});
  const [again, setAgain] = useState(0);
  const turn = useRef(0);
  useEffect(() => {
    const mine = ++turn.current;
    if (path === undefined) return;
    get<Value>(path).then(
      (value) => mine === turn.current && setState({ path, value }),
      (error: unknown) =>
        mine === turn.current &&
        setState((before) => ({ ...(before.path === path ? before : { path }), error: errorText(error) })),
    );
  }, [path, version, again]);
  const mine = state.path === path;
  return {
    value: mine ? state.value : undefined,
    error: mine ? state.error : undefined,
    reload: () => setAgain((count) => count + 1),
  };
};

/** A value that changes often, at most once in so many ms; the newest is always shown in the end. */
export const useThrottled = <Value>(value: Value, ms: number): Value => {
  const [shown, setShown] = useState(value);
  const shownAtMs = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    if (Object.is(value, shown)) return;
    const timer = window.setTimeout(
      () => {
        shownAtMs.current = performance.now();
        setShown(value);
      },
      Math.max(0, shownAtMs.current + ms - performance.now()),
    );
    return () => window.clearTimeout(timer);
  }, [value]);
  return shown;
};
