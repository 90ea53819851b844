import { once } from "node:events";
import type { WebSocket } from "ws";
import { ChildDaemon } from "./childDaemon.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";
import { benchModels } from "./models.js";
import { median, quantile } from "./statistics.js";

const rounds = 200;
/** A machine that is busy with other things has fewer rounds. */
const mostMs = 60_000;
/** More than a message may have, and more fragments than a message may come in. */
const tooLong = "x".repeat(64 * 1024 + 1);
const tooManyParts = 200;

const timedClose = async (socket: WebSocket, act: () => void, code: number): Promise<number> => {
  const closed = once(socket, "close") as Promise<[number]>;
  socket.on("error", () => {});
  const startedMs = performance.now();
  act();
  const [by] = await closed;
  return by === code ? performance.now() - startedMs : Number.NaN;
};

const roundTrip = async (socket: WebSocket): Promise<number> => {
  const answered = once(socket, "pong");
  const startedMs = performance.now();
  socket.ping();
  await answered;
  return performance.now() - startedMs;
};

/** How long the daemon, counting as fast as it can, takes to close clients that send too much (1009) or too many parts (1008). */
export const closingBench = async (context: BenchContext): Promise<BenchResult> => {
  await benchModels(context.models);
  const settings = ["camera.options.framesPerSecond=0", "camera.options.painting=drawn", "camera.staleAfterMs=3000"];
  await using daemon = await ChildDaemon.start({ settings });
  const other = await daemon.connect();
  const [trips, long, parts]: [number[], number[], number[]] = [[], [], []];
  const endMs = performance.now() + mostMs;
  for (let round = 0; round < rounds && performance.now() < endMs; round++) {
    trips.push(await roundTrip(other));
    const first = await daemon.connect();
    long.push(await timedClose(first, () => first.send(tooLong), 1009));
    const second = await daemon.connect();
    const inParts = (): void => {
      for (let part = 0; part < tooManyParts; part++) second.send("x", { fin: false });
    };
    parts.push(await timedClose(second, inParts, 1008));
  }
  other.terminate();
  const all = [...long, ...parts];
  const how = `from sending until the client has the close, ${long.length} messages of over 64 KiB (1009) and ${parts.length} of ${tooManyParts} fragments (1008), the built daemon counting as fast as it can`;
  const figures: Figure[] = [
    { name: "closedP99Ms", value: quantile(all, 0.99), unit: "ms", atMost: 100, how: `p99 ${how}` },
    {
      name: "closedP99Ms.overPing",
      value: quantile(all, 0.99) / quantile(trips, 0.99),
      how: "the same over the p99 of a ping and its answer, in turn in the same run",
    },
  ];
  return { figures, raw: { medianMs: median(all), medianPingMs: median(trips), long, parts, trips } };
};
