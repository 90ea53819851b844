import { copyFile, mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { CytoError, projectRoot } from "../core/index.js";

/**
 * Bundles the browser application into a folder: index.html, main.js, main.css, icon.svg. Nothing in them is fetched from elsewhere.
 * @throws CytoError INTERNAL where the sources do not compile
 */
export const buildDashboard = async (outDir: string): Promise<void> => {
  const sources = join(projectRoot(), "src/dashboard/app");
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  try {
    await build({
      entryPoints: [join(sources, "main.tsx"), join(sources, "main.css")],
      outdir: outDir,
      bundle: true,
      minify: true,
      sourcemap: true,
      format: "esm",
      platform: "browser",
      target: ["chrome111", "firefox115", "safari16.4"],
      jsx: "automatic",
      jsxImportSource: "preact",
      legalComments: "linked",
      logLevel: "silent",
    });
  } catch (error) {
    throw CytoError.from(error);
  }
  for (const file of ["index.html", "icon.svg"]) await copyFile(join(sources, file), join(outDir, file));
};

const started = process.argv[1];
if (started !== undefined && resolve(started) === fileURLToPath(import.meta.url)) {
  await buildDashboard(join(projectRoot(), "dist/dashboard"));
}
