import { arch, cpus } from "node:os";

/** The processor, as a model's card names it. */
export const machineName = (): string => `${cpus().length} x ${cpus()[0]?.model.trim() ?? arch()}`;
