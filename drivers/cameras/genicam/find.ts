import { execFile } from "node:child_process";
import { isIP } from "node:net";
import { promisify } from "node:util";
import type { FoundCamera } from "../../contract.js";
import { manifest } from "./manifest.js";

const execute = promisify(execFile);

/** It listens for a second; a network that is down keeps it longer. */
const searchTimeoutMs = 8000;

/** A line of arv-tool-0.8 that names a camera: `Basler-23450 (192.168.1.40)`, `Vendor-1234 (USB3)`. */
const cameraLine = /^(\S.*\S|\S) \(([^()]+)\)$/;

/** Cameras in what arv-tool-0.8 lists when it is called without words. */
export const camerasIn = (listing: string): readonly FoundCamera[] =>
  listing.split(/[\r\n]+/).flatMap((line) => {
    const [, name, address] = cameraLine.exec(line.trim()) ?? [];
    if (name === undefined || address === undefined) return [];
    // Only GigE Vision ones have an address.
    return isIP(address) === 0 ? [{ source: name, title: address }] : [{ source: address, title: name }];
  });

/** GigE and USB3 Vision cameras that answer aravis' search. */
export const findCameras = async (): Promise<readonly FoundCamera[]> => {
  try {
    const { stdout } = await execute(manifest.options.parse({}).aravisToolPath, [], {
      timeout: searchTimeoutMs,
      encoding: "utf8",
    });
    return camerasIn(stdout);
  } catch {
    return [];
  }
};
