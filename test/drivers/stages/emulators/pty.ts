import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LineFirmware } from "./lineFirmware.js";

export const socatThere = spawnSync("socat", ["-V"]).status === 0;
export const needsSocat = "needs socat (apt-get install socat)";

/** Firmware behind a pseudo terminal: `path` is opened as any serial port. */
export class EmulatedPort implements AsyncDisposable {
  private constructor(
    readonly path: string,
    readonly firmware: LineFirmware,
    private readonly socat: ChildProcess,
    private readonly folder: string,
  ) {}

  static async open(firmware: LineFirmware): Promise<EmulatedPort> {
    const folder = mkdtempSync(join(tmpdir(), "cytostream-stage-"));
    const path = join(folder, "port");
    const socat = spawn("socat", ["-", `PTY,link=${path},rawer`], { stdio: ["pipe", "pipe", "ignore"] });
    socat.stdout.on("data", (bytes: Buffer) => firmware.receive(bytes));
    // The driver closes its end first.
    socat.stdin.on("error", () => undefined);
    firmware.send = (text) => void (socat.stdin.writable && socat.stdin.write(Buffer.from(text, "latin1")));
    for (let tries = 0; !existsSync(path) && tries < 500; tries++) await delay(10);
    return new EmulatedPort(path, firmware, socat, folder);
  }

  /** As the cable is pulled. */
  unplug(): void {
    // The system takes the port's name away first: it would be that of the next terminal, which may be another test's.
    rmSync(this.path, { force: true });
    this.socat.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unplug();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
