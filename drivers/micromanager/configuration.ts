import { z } from "zod";

const label = z.string().regex(/^[^,"\\\p{Cc}]{1,100}$/u);

/** Options by which camera and stage name a configuration of Micro-Manager; equal ones share one bridge. */
export const configurationShape = {
  python: z.string().min(1).default("python3").describe("The Python that has pymmcore-nano and numpy"),
  adapterPath: z
    .string()
    .min(1)
    .optional()
    .describe("Folder of Micro-Manager's device adapters, of the device interface that pymmcore-nano is of"),
  devices: z
    .array(
      z.strictObject({
        label,
        library: label.describe("The adapter, e.g. DemoCamera"),
        name: label.describe("The device in it, e.g. DCam"),
        properties: z.record(label, z.string().max(1000)).default({}).describe("Set before it is initialised"),
      }),
    )
    .max(50)
    .default([])
    .describe("Devices to load, in this order, where there is no configuration file"),
};

/** What a bridge loads. */
export interface BridgeConfiguration {
  readonly python: string;
  readonly adapterPath: string | undefined;
  readonly configFile: string | undefined;
  readonly devices: readonly {
    readonly label: string;
    readonly library: string;
    readonly name: string;
    readonly properties: Readonly<Record<string, string>>;
  }[];
}

/** The configuration that a source and its options name: a source is a configuration file. */
export const configurationOf = (
  source: string | undefined,
  {
    python,
    adapterPath,
    devices,
  }: Omit<BridgeConfiguration, "configFile" | "adapterPath"> & { adapterPath?: string | undefined },
): BridgeConfiguration => ({ python, adapterPath, configFile: source === "" ? undefined : source, devices });
