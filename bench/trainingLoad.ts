import { stepForEver } from "./training.js";

/** A process that trains until it is ended: what counting must bear beside it. */
await stepForEver(() => process.stdout.write("stepping\n"));
