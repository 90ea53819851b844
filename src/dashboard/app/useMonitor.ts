import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { ServerMessage } from "../../publication/index.js";
import { decodePicture } from "./decodePicture.js";
import type { Picture } from "./drawPicture.js";
import { type Command, type FrameParts, type FrameWishes, Stream } from "./stream.js";
import { initialView, reduceView, type ScannedField, type Taxonomy, type View } from "./view.js";

export interface Monitor {
  readonly view: View;
  readonly picture: Picture | undefined;
  retryNow(): void;
  /** See `Stream.ask`. */
  ask(command: Command, patienceMs: number): Promise<ServerMessage | undefined>;
}

const streamUrl = (): string => {
  const url = new URL("v1/stream", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
};

const fieldOf = ({ header }: FrameParts): ScannedField | undefined => {
  const { positionUm, umPerPixel, width, height } = header.field;
  if (positionUm === null || umPerPixel === null) return undefined;
  return { x: positionUm.x, y: positionUm.y, widthUm: width * umPerPixel, heightUm: height * umPerPixel };
};

/** Decodes one picture at a time; the newest waits, older ones are let go. */
const useDecoder = (frozen: boolean): [Picture | undefined, (parts: FrameParts, taxonomy: Taxonomy) => void] => {
  const [picture, setPicture] = useState<Picture | undefined>();
  const state = useRef({ busy: false, waiting: undefined as (() => void) | undefined, frozen });
  state.current.frozen = frozen;
  const decode = (parts: FrameParts, taxonomy: Taxonomy): void => {
    if (state.current.frozen) return;
    if (state.current.busy) {
      state.current.waiting = () => decode(parts, taxonomy);
      return;
    }
    state.current.busy = true;
    decodePicture(parts, taxonomy)
      .then((decoded) => {
        setPicture((before) => {
          if (!state.current.frozen || before === undefined) return decoded;
          decoded.image.close();
          return before;
        });
      })
      .catch((error: unknown) => console.error("A picture could not be decoded.", error))
      .finally(() => {
        state.current.busy = false;
        const next = state.current.waiting;
        state.current.waiting = undefined;
        next?.();
      });
  };
  // Not when the next one is set: until that is shown, this one may still have to be drawn.
  useEffect(() => () => picture?.image.close(), [picture]);
  return [picture, decode];
};

/** The stream as state of the page. */
export const useMonitor = (wishes: FrameWishes, frozen: boolean): Monitor => {
  const [view, dispatch] = useReducer(reduceView, initialView);
  const [picture, decode] = useDecoder(frozen);
  const taxonomy = useRef(view.taxonomy);
  taxonomy.current = view.taxonomy;
  const decodeNow = useRef(decode);
  decodeNow.current = decode;
  const stream = useRef<Stream | undefined>(undefined);

  useEffect(() => {
    const loadFields = async (): Promise<void> => {
      const response = await fetch(new URL("v1/fields", document.baseURI));
      if (!response.ok) return;
      const { fields } = (await response.json()) as { fields: ScannedField[] };
      dispatch({ type: "fields", fields });
    };
    stream.current = new Stream(streamUrl(), wishes, {
      onConnection: (connection) => {
        dispatch({ type: "connection", connection });
        if (connection.phase === "live") loadFields().catch(() => undefined);
      },
      onMessage: (message) => dispatch({ type: "message", message }),
      onFrame: (parts) => {
        const field = fieldOf(parts);
        if (field !== undefined) dispatch({ type: "field", field });
        decodeNow.current(parts, taxonomy.current);
      },
    });
    return () => stream.current?.close();
  }, []);

  useEffect(() => stream.current?.wish(wishes), [wishes.maxWidth, wishes.density, wishes.shown]);
  return {
    ...{ view, picture },
    retryNow: () => stream.current?.retryNow(),
    ask: async (command, patienceMs) => stream.current?.ask(command, patienceMs),
  };
};
