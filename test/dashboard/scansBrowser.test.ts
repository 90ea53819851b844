import type { Page } from "playwright-core";
import { describe, expect, it, type TestContext } from "vitest";
import { createPublication } from "../../src/publication/index.js";
import { createScanDesk } from "../../src/scan/index.js";
import { healthy } from "../publication/harness.js";
import { newFolder } from "../scan/scanning.js";
import { toyMicroscope, toySlide } from "../scan/toyMicroscope.js";
import { browserThere, eventually, useBrowser } from "./browserHarness.js";

describe.skipIf(!browserThere)("scans in a browser (needs chromium)", () => {
  const { folder, visit } = useBrowser();

  const opened = async (test: TestContext) => {
    const toy = toyMicroscope(await newFolder(), toySlide(11));
    const scans = createScanDesk(toy.options);
    test.onTestFinished(() => scans[Symbol.asyncDispose]());
    const publication = await createPublication({
      ...{ port: 0, version: "0.0.0-test", health: healthy, dashboardDir: folder },
      desks: { scans },
    });
    test.onTestFinished(() => publication[Symbol.asyncDispose]());
    const page = await visit(test, `${publication.url}#/scans`, {
      viewport: { width: 1280, height: 1000 },
      expected: /404|409/,
    });
    // A tile of a place that no field shows is not there; everything else is.
    const missing: string[] = [];
    page.on("response", (response) => {
      if (response.status() === 404 && !/\/map\/\d+\/\d+\/\d+\/\d+$/.test(response.url())) missing.push(response.url());
    });
    test.onTestFinished(() => expect(missing).toEqual([]));
    await page.locator("[data-connection=live]").waitFor();
    await page.getByLabel("Your initials").fill("MK");
    return { toy, scans, page };
  };

  /** Colours of the map's canvas, each counted once. */
  const coloursOf = (page: Page): Promise<number> =>
    page.locator(".slide-canvas").evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    });
  const paintedOf = (page: Page): Promise<string> =>
    page.locator(".slide-canvas").evaluate((element) => (element as HTMLCanvasElement).toDataURL());
  const loaded = (page: Page, pictures: string): Promise<number> =>
    page
      .locator(pictures)
      .evaluateAll((images) => images.filter((one) => (one as HTMLImageElement).naturalWidth > 0).length);

  it("a scan is begun by the form, seen to its end, and looked at field by field", async (test) => {
    const { scans, page } = await opened(test);
    await page.getByLabel("Slide (no patient's name)").fill("S-7");
    for (const [name, value] of Object.entries({ Left: 0, Top: 0, Width: 330, Height: 200, "Overlap, %": 20 }))
      await page.getByLabel(name, { exact: true }).fill(String(value));
    await page
      .locator(".scan-form label", { hasText: /^Focus/ })
      .locator("select")
      .selectOption("none");
    await page.getByRole("button", { name: "Start the scan" }).click();
    await page.locator(".state.scan-complete.head-note").waitFor();
    expect((await scans.list())[0]).toMatchObject({ slide: "S-7", state: "complete", fieldsDone: 20, by: "MK" });
    const canvas = page.locator(".slide-canvas");
    await eventually(() => canvas.getAttribute("aria-label")).toContain("Map of 20 fields");
    // The ground and the edges alone are a few colours; the cells of the fields are many.
    await eventually(() => coloursOf(page)).toBeGreaterThan(200);
    let whole = "";
    await eventually(async () => {
      const before = whole;
      whole = await paintedOf(page);
      return whole === before;
    }).toBe(true);
    await canvas.hover();
    await page.mouse.wheel(0, -400);
    await eventually(() => paintedOf(page)).not.toBe(whole);
    await canvas.press("0");
    await eventually(() => paintedOf(page)).toBe(whole);
    await canvas.press("+");
    await eventually(() => paintedOf(page)).not.toBe(whole);
    await canvas.press("0");
    await canvas.click();
    await page.getByRole("heading", { name: /^Field \d+$/ }).waitFor();
    await eventually(() => loaded(page, "img.field-picture")).toBe(1);
    await page.locator(".gallery img").first().scrollIntoViewIfNeeded();
    await eventually(() => loaded(page, ".gallery img")).toBeGreaterThan(0);
  });

  it("Stop goes over the stream, and halts the stage while a move hangs", async (test) => {
    const { toy, page } = await opened(test);
    toy.stage.moveMs = 3_600_000;
    await page.getByRole("button", { name: "Right →" }).click();
    await eventually(() => toy.stage.status.state).toBe("moving");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await eventually(() => toy.stage.status.state).toBe("stopped");
    await page.getByText("Stopped: nothing moves before it is released").waitFor();
    expect(asked.filter((url) => url.endsWith("/v1/microscope/stage"))).toEqual([]);
  });
});
