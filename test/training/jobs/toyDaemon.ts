/** Stands for the daemon: begins a training in the folder that it is told, and says when that works. */
import { openJobDesk } from "../../../src/training/jobs/index.js";
import { jobWhere, openToyLaboratory, processOf } from "./toyLaboratory.js";

const laboratory = await openToyLaboratory(process.argv[2]!);
const desk = await openJobDesk(laboratory.options);
const { id } = await desk.start("the daemon");
await jobWhere(desk, id, ({ state }) => state === "running");
process.send!({ root: laboratory.paths.root, id, pid: await processOf(laboratory, id) });
