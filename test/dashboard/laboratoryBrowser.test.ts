import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { projectRoot } from "../../src/core/index.js";
import { startDaemon } from "../../src/main.js";
import { createLogger } from "../../src/observability/index.js";
import { laboratoryPaths } from "../../src/store/index.js";
import { freshDataDirectory } from "../integration/dataDirectory.js";
import { openToySetting, type ToySetting } from "../integration/toySetting.js";
import { writeToyCandidate } from "../registry/laboratory.js";
import { browserThere, eventually, useBrowser } from "./browserHarness.js";

const built = existsSync(join(projectRoot(), "dist", "dashboard", "index.html"));

/** The pages over a daemon with its own label store, trainings and models, from the live field to the rollback. */
describe.skipIf(!browserThere || !built)(
  "a laboratory's day in a browser (needs chromium and npm run build)",
  { timeout: 120_000 },
  () => {
    const { visit } = useBrowser();
    let toy: ToySetting;
    beforeAll(async () => {
      toy = await openToySetting();
    });
    afterAll(() => toy.remove());

    const opened = async (test: TestContext, hash: string) => {
      const dataDir = freshDataDirectory();
      await writeToyCandidate(laboratoryPaths(dataDir).models, "1.1.0-lab.1");
      const camera = ["camera.name=folder", `camera.source=${await toy.smears(`smears-${hash || "live"}`, 3)}`];
      const own = [`dataDir=${dataDir}`, "publication.port=0", "camera.options.repeat=true"];
      const config = await loadConfig({ settings: [...toy.settings, ...camera, ...own] });
      const log = createLogger({ level: "silent", pretty: false });
      const daemon = await startDaemon({ config, version: "0.0.0-test", log });
      test.onTestFinished(async () => {
        await daemon.stop();
      });
      const page = await visit(test, `${daemon.url}#/${hash}`, { expected: /409/ });
      await page.locator("[data-connection=live]").waitFor();
      return { page, url: daemon.url };
    };

    it("a live field is kept, its box moved, the field confirmed; the pile grows, and a training wants more", async (test) => {
      const { page, url } = await opened(test, "");
      await page.locator("canvas[data-frame]").waitFor();
      await page.keyboard.press("k");
      await page.getByText("Kept: review it").click();
      await page.locator(".field-picture").waitFor();
      await page.getByLabel("Your initials").fill("MK");
      await page.locator("h2#pile-title").click();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Shift+ArrowLeft");
      await page.keyboard.press("Enter");
      const pile = page.locator(".pile-state[data-state=confirmed] .figure");
      await eventually(() => pile.textContent()).toBe("1");
      const { fields } = (await (await fetch(new URL("v1/labels?state=confirmed&limit=5", url))).json()) as {
        fields: { field: string; revision: number; author: string }[];
      };
      expect(fields).toMatchObject([{ revision: 2, author: "MK" }]);
      await page.getByRole("link", { name: "Training", exact: true }).click();
      await page.getByLabel("Your initials").fill("MK");
      await page.getByRole("button", { name: "Start a training" }).click();
      await page.getByText("too few to learn from").waitFor();
    });

    it("a model of the laboratory is promoted, and gone back from", async (test) => {
      const { page } = await opened(test, "models");
      const production = page.locator("[data-production]");
      await eventually(() => production.textContent()).toBe("unet@1.0.0");
      await page.locator("tr[data-model='unet@1.1.0-lab.1']").getByRole("button", { name: "Promote" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Your initials").fill("MK");
      await dialog.getByLabel("Why").fill("a trial");
      await dialog.getByRole("button", { name: "Promote" }).click();
      await eventually(() => production.textContent()).toBe("unet@1.1.0-lab.1");
      await page.getByRole("button", { name: "Roll back" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Go back" }).click();
      await eventually(() => production.textContent()).toBe("unet@1.0.0");
    });
  },
);
