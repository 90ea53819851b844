import { stepForEver } from "./training.js";

/** A process that trains until it is ended, on so many threads as its argument says: what counting must bear beside it. */
await stepForEver(() => process.stdout.write("stepping\n"), Number(process.argv[2] ?? 0));
