import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createSlide } from "../../drivers/cameras/virtual/slide.js";
import {
  type DensityClass,
  densityClasses,
  densityClassOf,
  modelsDirectory,
  projectRoot,
} from "../../src/core/index.js";
import { buildDashboard } from "../../src/dashboard/build.js";
import type { CellsMessage } from "../../src/publication/index.js";
import { listModels } from "../../src/registry/index.js";
import { requireChromium } from "../requirements.js";
import { startDaemonProcess } from "./program.js";
import { countsWhere, statusWhere, subscribe } from "./streamClient.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** The daemon as it comes, with the models that are shipped, over a slide whose every cell is known. */

const optics = { fieldWidthPx: 960, fieldHeightPx: 720, umPerPixel: 0.16 };
const overlap = 0.1;
const field = { width: optics.fieldWidthPx * optics.umPerPixel, height: optics.fieldHeightPx * optics.umPerPixel };
const grid = { columns: 4, rows: 4 };

/** A part of the slide that four by four fields cover exactly. */
const region = {
  left: 4000,
  top: 3000,
  width: field.width * (1 + (grid.columns - 1) * (1 - overlap)),
  height: field.height * (1 + (grid.rows - 1) * (1 - overlap)),
};
const regionSettings = Object.entries(region).map(([key, value]) => `camera.options.region.${key}=${value}`);

/** Found cells may differ from the truth by this share of it, and by four where there are few. */
const tolerance: Readonly<Record<DensityClass, number>> = { erythrocyte: 0.04, leukocyte: 0.15, platelet: 0.15 };

/** Cells by the rule of the border: those whose right lower corner lies in the region, short of what counts as its edge. */
const trueCounts = (): Record<DensityClass, number> => {
  const borderUm = 2 * optics.umPerPixel;
  const counts = { erythrocyte: 0, leukocyte: 0, platelet: 0 };
  for (const { cellClass, centreUm, outline } of createSlide().cellsIn(region)) {
    const right = centreUm.x + outline.reachUm.right;
    const bottom = centreUm.y + outline.reachUm.bottom;
    const inside = right < region.left + region.width - borderUm && bottom < region.top + region.height - borderUm;
    if (inside) counts[densityClassOf(cellClass)]++;
  }
  return counts;
};

/** Of the red cells that a field shows whole, the share that is marked by a centre of its own inside its box. */
const markedShare = ({ field: { positionUm }, cells }: CellsMessage): number => {
  if (positionUm === null) return 0;
  const truth = createSlide()
    .truthInField(positionUm, optics)
    .filter(({ cellClass, cutByBorder }) => cellClass === "erythrocyte" && !cutByBorder);
  const free = new Set(cells.filter((cell) => cell.class === "erythrocyte"));
  let marked = 0;
  for (const { box } of truth) {
    const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
    const inside = [...free].filter(
      ({ centre: [x, y] }) => x > box.left && x < box.right && y > box.top && y < box.bottom,
    );
    const distance = ({ centre: [x, y] }: (typeof inside)[number]): number => Math.hypot(x - middle.x, y - middle.y);
    const nearest = inside.sort((a, b) => distance(a) - distance(b))[0];
    if (nearest === undefined) continue;
    free.delete(nearest);
    marked++;
  }
  return marked / truth.length;
};

/** The drawn slide, and the painted one where a painter is shipped. */
const shipsPainter = (await listModels(modelsDirectory())).some(({ manifest }) => manifest?.kind === "painter");
const paintings = [
  { name: "drawn", settings: ["camera.options.painting=drawn"], source: /^slide 1, drawn$/ },
  ...(shipsPainter ? [{ name: "painted", settings: [], source: /^slide 1, painted by / }] : []),
];

describe("the virtual slide", () => {
  it.each(paintings)(
    "is counted as its truth says, $name: each cell once over overlapping fields",
    async (painting) => {
      await using daemon = await startDaemonProcess([
        ...["camera.options.framesPerSecond=0", "camera.options.repeat=false", "camera.staleAfterMs=3000"],
        ...regionSettings,
        ...painting.settings,
      ]);
      const [watch, client, cells] = await Promise.all([
        subscribe(daemon, "status"),
        subscribe(daemon, "counts"),
        subscribe(daemon, "cells"),
      ]);
      const first = await cells.next("cells");
      expect(first.field.source).toMatch(painting.source);
      expect(await markedShare(first)).toBeGreaterThan(0.95);
      const ended = await statusWhere(watch, ({ camera }) => camera.state === "ended");
      expect(ended).toMatchObject({ simulated: true, drops: {}, scale: { origin: "frame", umPerPixel: 0.16 } });
      const counts = await countsWhere(client, ({ fields }) => fields.counted === grid.columns * grid.rows);
      expect(counts.simulated).toBe(true);
      const truth = trueCounts();
      for (const name of densityClasses) {
        const found = counts.classes.find((row) => row.class === name)?.count ?? 0;
        const allowed = Math.max(4, tolerance[name] * truth[name]);
        expect(Math.abs(found - truth[name]), `${name}: ${found} found, ${truth[name]} there`).toBeLessThanOrEqual(
          allowed,
        );
      }
    },
  );
});

const executablePath = requireChromium();

describe.skipIf(executablePath === undefined)("the virtual slide in a browser (needs chromium)", () => {
  /** Kept where SCREENSHOTS names a folder; else looked at by nobody and removed. */
  const folder = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "cytostream-screenshots-"));
  let browser: Browser;

  beforeAll(async () => {
    const built = join(projectRoot(), "dist", "dashboard");
    if (!existsSync(join(built, "index.html"))) await buildDashboard(built);
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(async () => {
    await browser?.close();
    if (process.env.SCREENSHOTS === undefined) rmSync(folder, { recursive: true, force: true });
  });

  const redCells = async (page: Page): Promise<number> => {
    const text = (await page.locator(".tile[data-class=erythrocyte] .figure").textContent()) ?? "";
    return Number(text.replace(/[^\d]/g, "")) || 0;
  };

  it("shows a picture with its cells, counts that grow, and that it is simulated", async () => {
    await using daemon = await startDaemonProcess(["camera.options.framesPerSecond=2"]);
    const page = await browser.newPage({ viewport: { width: 1600, height: 1100 } });
    page.setDefaultTimeout(120_000);
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(daemon.url);
    await page.locator("canvas[data-frame]").waitFor();
    expect(await page.locator(".simulated").textContent()).toBe("Simulated");
    const label = (await page.locator("canvas[data-frame]").getAttribute("aria-label")) ?? "";
    expect(Number(/Red cell (\d+)/.exec(label)?.[1])).toBeGreaterThan(50);
    const before = await redCells(page);
    await expect.poll(() => redCells(page), { timeout: 120_000 }).toBeGreaterThan(before + 100);
    await page.screenshot({ path: join(folder, "virtual-slide.png") });
    expect(faults).toEqual([]);
    await page.close();
    expect((await daemon.stop()).code).toBe(0);
  });
});
