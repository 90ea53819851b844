import type { TestContext } from "vitest";
import { createScanDesk, type ScanDeskOptions } from "../../src/scan/index.js";
import { newFolder } from "../scan/scanning.js";
import { toyMicroscope, toySlide } from "../scan/toyMicroscope.js";
import { openPublication, until } from "./harness.js";

/** A publication over a desk of scans, whose stage and camera are the toy's. */
export const openScans = async (context: TestContext, more: Partial<ScanDeskOptions> = {}) => {
  const toy = toyMicroscope(await newFolder(), toySlide(11), more);
  const scans = createScanDesk(toy.options);
  context.onTestFinished(() => scans[Symbol.asyncDispose]());
  const publication = await openPublication(context, { desks: { scans } });
  return { toy, scans, publication };
};

/** A move of the toy's stage that does not end by itself; its answer is to come. */
export const hangingMove = async ({ toy, publication }: Awaited<ReturnType<typeof openScans>>) => {
  toy.stage.moveMs = 3_600_000;
  const answer = fetch(`${publication.url}v1/microscope/stage`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ action: "move", to: { x: 10 }, by: "MK" }),
  });
  await until(() => toy.stage.status.state === "moving");
  return { answer };
};
