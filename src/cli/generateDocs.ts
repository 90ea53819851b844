import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { projectRoot } from "../core/index.js";
import { generatedDocuments } from "./documents.js";

// `npm run docs`
for (const [path, text] of generatedDocuments()) {
  const target = join(projectRoot(), path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
}
