import { useEffect, useRef, useState } from "preact/hooks";
import type { View } from "../view.js";

/** What of the page is not of now. */
export interface Staleness {
  /** Nothing can be heard of the daemon: all of it. */
  readonly connection: boolean;
  /** The stage does not answer: its position. */
  readonly stage: boolean;
  /** The camera delivers nothing: the scan under way. */
  readonly camera: boolean;
}

const silentCamera: ReadonlySet<string> = new Set(["stale", "reconnecting", "ended", "failed"]);
const lostStage: ReadonlySet<string> = new Set(["reconnecting", "failed"]);

/** A page that has been told nothing yet shows nothing that could be stale. */
export const stalenessOf = ({ connection, status, scans }: View): Staleness => ({
  connection: scans !== undefined && connection.phase !== "live",
  stage: lostStage.has(scans?.microscope.stage?.state ?? ""),
  camera: status !== undefined && (status.stale || silentCamera.has(status.camera.state)),
});

/** Why the page of scans is not of now, in sentences; undefined where it is. */
export const scansStaleReason = (view: View): string | undefined => {
  const { connection, stage, camera } = stalenessOf(view);
  if (connection)
    return "No connection to the daemon. Stage, scans and counts are as they were last heard of; a scan may have gone on.";
  const code = view.scans?.microscope.stage?.failure?.code;
  const cause = view.status?.camera.cause;
  const sentences = [
    ...(stage
      ? [`The stage does not answer${code === undefined ? "" : ` (${code})`}. Its position is the last one known.`]
      : []),
    ...(camera ? [`The camera delivers no new pictures${cause === undefined ? "" : ` (${cause})`}.`] : []),
  ];
  return sentences.length === 0 ? undefined : sentences.join(" ");
};

/** A scan that runs is heard of with each field and each move: after this long without a word something is wrong, s. */
const quietAfterS = 20;

/** Whole seconds without news where there should be some and have been none for long; undefined otherwise. */
export const useQuietSeconds = (news: unknown, expected: boolean): number | undefined => {
  const heardAtMs = useRef(performance.now());
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    heardAtMs.current = performance.now();
    setSeconds(0);
    if (!expected) return;
    const timer = window.setInterval(
      () => setSeconds(Math.floor((performance.now() - heardAtMs.current) / 1000)),
      1000,
    );
    return () => window.clearInterval(timer);
  }, [news, expected]);
  return expected && seconds >= quietAfterS ? seconds : undefined;
};

/** How often the connection has come to life: what could not be loaded is loaded again then. */
export const useComebacks = ({ phase }: View["connection"]): number => {
  const [comebacks, setComebacks] = useState(0);
  const live = phase === "live";
  useEffect(() => {
    if (live) setComebacks((count) => count + 1);
  }, [live]);
  return comebacks;
};
