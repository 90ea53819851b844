/** Dashboard: the browser application that the daemon serves at `/`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../core/index.js";

/** The folder of the built dashboard, or undefined where `npm run build` has not been run. */
export const dashboardDirectory = (): string | undefined => {
  const folder = join(projectRoot(), "dist/dashboard");
  return existsSync(join(folder, "index.html")) ? folder : undefined;
};
