import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** What the figures were measured on; a load above the bench's own says that they are worth little. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
  /** Mean number of runnable threads over the minute before. */
  readonly loadBefore: number;
}

export const machineFacts = (): MachineFacts => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  loadBefore: loadavg()[0] ?? 0,
});

export const machineLine = ({ cpu, cores, memoryGiB, node, platform, loadBefore }: MachineFacts): string =>
  `${cores} x ${cpu}, ${memoryGiB} GiB, ${platform}, Node ${node}, load before ${loadBefore.toFixed(1)}`;
