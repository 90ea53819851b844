import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WebSocket } from "ws";
import { projectRoot } from "../src/core/index.js";
import { ChildDaemon } from "./childDaemon.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";
import { NotHere } from "./figures.js";
import { benchModels } from "./models.js";
import { median } from "./statistics.js";

/** Resolves with the first counts that have a field in them. */
const firstCounts = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) return;
      const message = JSON.parse(data.toString()) as { type: string; fields?: { counted: number } };
      if (message.type === "counts" && (message.fields?.counted ?? 0) > 0) resolve();
    });
    socket.once("close", () => reject(new NotHere("the daemon closed the connection before it had counted")));
    socket.send(JSON.stringify({ type: "subscribe", topics: ["counts"] }));
  });

const secondsToCounts = async (): Promise<{ listens: number; counts: number }> => {
  await using daemon = await ChildDaemon.start({ settings: [], byNpm: true });
  const socket = await daemon.connect();
  const listens = (performance.now() - daemon.startedMs) / 1000;
  await firstCounts(socket);
  const counts = (performance.now() - daemon.startedMs) / 1000;
  socket.removeAllListeners("close");
  socket.terminate();
  return { listens, counts };
};

export const startupBench = async (context: BenchContext): Promise<BenchResult> => {
  await benchModels(context.models);
  const starts: { listens: number; counts: number }[] = [];
  for (let round = 0; round < 5; round++) starts.push(await secondsToCounts());
  const how =
    "`npm start` (virtual slide, built program) until a ws client that tries from the beginning has counts of a field; median of 5 starts";
  return {
    figures: [
      { name: "startSeconds", value: median(starts.map(({ counts }) => counts)), unit: "s", atMost: 5, how },
      { name: "startSeconds.listens", value: median(starts.map(({ listens }) => listens)), unit: "s", how },
    ],
    raw: starts,
  };
};

const run = (command: string, args: readonly string[], cwd: string): number => {
  const start = performance.now();
  const { status, stderr } = spawnSync(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (status !== 0) throw new NotHere(`${command} ${args.join(" ")} ended with ${status}: ${stderr.slice(-500)}`);
  return (performance.now() - start) / 1000;
};

/** `npm ci` and `npm test` in a fresh clone of what is committed. */
export const installBench = async (): Promise<BenchResult> => {
  const folder = mkdtempSync(join(tmpdir(), "cytostream-clone-"));
  try {
    run("git", ["clone", "--quiet", projectRoot(), folder], tmpdir());
    const figure = (name: string, seconds: number, atMost: number, what: string): Figure => ({
      ...{ name, value: seconds, unit: "s", atMost },
      how: `wall time of \`${what}\` in a fresh clone of the last commit, npm's cache as it is`,
    });
    return {
      figures: [
        figure("installSeconds", run("npm", ["ci"], folder), 90, "npm ci"),
        figure("testSeconds", run("npm", ["test"], folder), 300, "npm test"),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
