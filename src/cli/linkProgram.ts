import { chmodSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The last step of the build: `dist/cytostream`, which `npm start` runs, so that the program starts by its first line, with the
 * environment that it sets there (docs/adr/0007-memory.md). Windows knows no such line and needs no such environment.
 */
const here = dirname(fileURLToPath(import.meta.url));
const program = join(here, "cytostream.js");
const link = join(here, "..", "..", "cytostream");

chmodSync(program, 0o755);
for (const old of [link, `${link}.cmd`]) rmSync(old, { force: true });
if (process.platform === "win32") writeFileSync(`${link}.cmd`, '@node "%~dp0src\\cli\\cytostream.js" %*\r\n');
else symlinkSync(join("src", "cli", "cytostream.js"), link);
