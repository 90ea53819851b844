import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** A serial port of this machine: `path` is what `stage.source` takes. */
export interface ListedPort {
  readonly path: string;
  readonly manufacturer?: string;
}

const usual = /^tty(?:USB|ACM)\d+$/;

const namesIn = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

/** Ports by the names that Linux gives to USB ones: what can be told without udev. */
export const portsByName = async (devices = "/dev"): Promise<readonly ListedPort[]> => {
  const byId = join(devices, "serial", "by-id");
  const named = (await namesIn(devices)).filter((name) => usual.test(name)).map((name) => join(devices, name));
  const lasting = (await namesIn(byId)).map((name) => join(byId, name));
  return [...named, ...lasting].sort().map((path) => ({ path }));
};

/** The serial ports. Where the system cannot be asked for them (no udevadm under Linux), those of the usual names. Never throws. */
export const listSerialPorts = async (): Promise<readonly ListedPort[]> => {
  try {
    const { SerialPort } = await import("serialport");
    const ports = await SerialPort.list();
    return ports.map(({ path, manufacturer }) => ({ path, ...(manufacturer === undefined ? {} : { manufacturer }) }));
  } catch {
    return portsByName();
  }
};
