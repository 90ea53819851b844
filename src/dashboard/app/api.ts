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

const responseOf = async (path: string, init: RequestInit): Promise<Response> => {
  let response: Response;
  try {
    response = await fetch(addressOf(path), init);
  } catch {
    throw new ApiError("UNREACHABLE", "The daemon does not answer.");
  }
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => undefined);
  const { code = "INTERNAL", message = `HTTP ${response.status}` } = Object(body) as {
    code?: string;
    message?: string;
  };
  throw new ApiError(code, message);
};

const answerOf = async (path: string, init: RequestInit): Promise<unknown> =>
  (await responseOf(path, init)).json().catch(() => undefined);

/** @throws ApiError */
export const get = async <Answer>(path: string): Promise<Answer> => (await answerOf(path, {})) as Answer;

/** The picture at an address, undefined where there is none (204). The caller closes it. @throws ApiError */
export const getPicture = async (path: string): Promise<ImageBitmap | undefined> => {
  const response = await responseOf(path, {});
  if (response.status === 204) return undefined;
  try {
    return await createImageBitmap(await response.blob());
  } catch {
    throw new ApiError("UNREACHABLE", "The picture did not come whole.");
  }
};

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

/** The picture at an address, kept until another is there. */
export const useLoadedPicture = (path: string, version: unknown = 0): Loaded<ImageBitmap> => {
  const [state, setState] = useState<{ path?: string; picture?: ImageBitmap | undefined; error?: string }>({});
  const [again, setAgain] = useState(0);
  useEffect(() => {
    let over = false;
    getPicture(path).then(
      (picture) => (over ? picture?.close() : setState({ path, picture })),
      (error: unknown) =>
        over || setState((before) => ({ ...(before.path === path ? before : { path }), error: errorText(error) })),
    );
    return () => {
      over = true;
    };
  }, [path, version, again]);
  // Not when the next one is set: until that is shown, this one may still have to be drawn.
  useEffect(() => () => state.picture?.close(), [state.picture]);
  const mine = state.path === path;
  return {
    value: mine ? state.picture : undefined,
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
