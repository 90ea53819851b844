import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { describe, expect, it, type TestContext } from "vitest";
import { type CellClass, taxonomy } from "../../src/core/index.js";
import { createPublication } from "../../src/publication/index.js";
import { createScanDesk, type ScanDesk } from "../../src/scan/index.js";
import { healthy } from "../publication/harness.js";
import { newFolder, settled } from "../scan/scanning.js";
import { type ToyMicroscope, toyMicroscope, toyRequest, toySlide } from "../scan/toyMicroscope.js";
import { browserThere, eventually, useBrowser } from "./browserHarness.js";

describe.skipIf(!browserThere)("scans in a browser (needs chromium)", () => {
  const { folder, visit } = useBrowser();

  interface Opening {
    readonly toy: ToyMicroscope;
    readonly scans: ScanDesk & AsyncDisposable;
    readonly options?: Parameters<typeof visit>[2];
    readonly hash?: string;
  }

  const publish = (scans: ScanDesk, port = 0) =>
    createPublication({
      ...{ port, version: "0.0.0-test", health: healthy, dashboardDir: folder },
      desks: { scans },
    });

  const show = async (test: TestContext, { scans, toy, options = {}, hash = "#/scans" }: Opening) => {
    const publication = await publish(scans);
    test.onTestFinished(() => publication[Symbol.asyncDispose]());
    const viewport = { width: 1280, height: 1000 };
    const page = await visit(test, `${publication.url}${hash}`, { viewport, expected: /409/, ...options });
    await page.locator("[data-connection=live]").waitFor();
    await page.getByLabel("Your initials").fill("MK");
    return { toy, scans, page, publication };
  };

  const desk = async (test: TestContext) => {
    const toy = toyMicroscope(await newFolder(), toySlide(11));
    const scans = createScanDesk(toy.options);
    test.onTestFinished(() => scans[Symbol.asyncDispose]());
    return { toy, scans };
  };

  const opened = async (test: TestContext, options?: Opening["options"]) =>
    show(test, { ...(await desk(test)), ...(options === undefined ? {} : { options }) });

  /** A desk with a scan that is done. */
  const scanned = async (test: TestContext) => {
    const { toy, scans } = await desk(test);
    const { id } = await scans.start(toyRequest());
    await settled(scans, id);
    return { toy, scans, id };
  };

  /** Colours of the map's canvas, each counted once. */
  const coloursOf = (page: Page): Promise<number> =>
    page.locator(".slide-canvas").evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    });
  /** Pixels of a canvas that have a colour exactly. */
  const pixelsOf = (canvas: Locator, colour: string): Promise<number> =>
    canvas.evaluate(
      (element, wanted) => {
        const { width, height } = element as HTMLCanvasElement;
        const { data } = (element as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
        let count = 0;
        for (let i = 0; i < data.length; i += 4)
          if (((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!) === wanted) count++;
        return count;
      },
      Number.parseInt(colour.slice(1), 16),
    );
  /** All pixels of the map as one number. */
  const paintedOf = (page: Page): Promise<number> =>
    page.locator(".slide-canvas").evaluate((element) => {
      const { width, height } = element as HTMLCanvasElement;
      const { data } = (element as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
      return new Uint32Array(data.buffer).reduce((hash, pixel) => Math.imul(hash, 31) + pixel, 7);
    });
  /** The map of all 20 fields when no tile is to come any more. */
  const wholeOf = async (page: Page): Promise<number> => {
    await page.locator(".slide-canvas[aria-busy=false][data-fields='20']").waitFor();
    // The ground and the edges alone are a few colours; the cells of the fields are many.
    expect(await coloursOf(page)).toBeGreaterThan(200);
    return paintedOf(page);
  };
  const loaded = (page: Page, pictures: string): Promise<number> =>
    page
      .locator(pictures)
      .evaluateAll((images) => images.filter((one) => (one as HTMLImageElement).naturalWidth > 0).length);

  it("a scan is begun by the form, seen to its end, and looked at field by field", async (test) => {
    const { scans, page } = await opened(test);
    const asked: { from: number; fields: number }[] = [];
    const refused: string[] = [];
    page.on("response", async (response) => {
      if (response.status() >= 400) refused.push(response.url());
      const from = /\/fields\?from=(\d+)/.exec(response.url())?.[1];
      if (from !== undefined) asked.push({ from: Number(from), fields: ((await response.json()) as unknown[]).length });
    });
    await page.getByLabel("Slide (no patient's name)").fill("S-7");
    for (const [name, value] of Object.entries({ Left: 0, Top: 0, Width: 330, Height: 200, "Overlap, %": 20 }))
      await page.getByLabel(name, { exact: true }).fill(String(value));
    await page
      .locator(".scan-form label", { hasText: /^Focus/ })
      .locator("select")
      .selectOption("none");
    await page.getByRole("button", { name: "Start the scan" }).click();
    await page.locator("main .card-head .state.scan-complete").waitFor();
    expect((await scans.list())[0]).toMatchObject({ slide: "S-7", state: "complete", fieldsDone: 20, by: "MK" });
    const canvas = page.locator(".slide-canvas");
    await eventually(() => canvas.getAttribute("aria-label")).toContain("Map of 20 fields");
    const whole = await wholeOf(page);
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
    // Each field is asked for once, whatever number came at a time, and of ground that nobody saw nothing.
    expect(asked.reduce((sum, { fields }) => sum + fields, 0)).toBe(20);
    let next = 0;
    for (const { from, fields } of asked) {
      expect(from).toBe(next);
      next += fields;
    }
    expect(refused).toEqual([]);
    await page.locator(".gallery img").first().scrollIntoViewIfNeeded();
    await eventually(() => loaded(page, ".gallery img")).toBeGreaterThan(0);
  });

  it("a field is shown with the cells that were found in it, by the names of the taxonomy", async (test) => {
    const { toy, scans, id } = await scanned(test);
    const { page } = await show(test, { toy, scans });
    const canvas = page.locator(".slide-canvas");
    await eventually(() => canvas.getAttribute("aria-label")).toContain("Map of 20 fields");
    await canvas.click();
    const field = page.locator(".scanned-field");
    const index = Number(/\d+/.exec((await field.getByRole("heading").textContent()) ?? "")?.[0]);
    const { cells } = await scans.fieldCells(id, index);
    const numbers = new Map<string, number>();
    for (const { cellClass } of cells) numbers.set(cellClass, (numbers.get(cellClass) ?? 0) + 1);
    const picture = field.locator("canvas");
    for (const [name, count] of numbers) {
      const { label, colour } = taxonomy[name as CellClass];
      await eventually(() => picture.getAttribute("aria-label")).toContain(`${label} ${count}`);
      await eventually(() => pixelsOf(picture, colour)).toBeGreaterThan(20 * count);
      expect(await field.locator(".found").textContent()).toContain(`${count} ${label}`);
    }
    await field.getByRole("button", { name: "Boxes" }).click();
    const { colour } = taxonomy.erythrocyte;
    await eventually(() => pixelsOf(picture, colour)).toBeLessThan(20);
    await field.getByRole("button", { name: "The next field" }).click();
    await page.getByRole("heading", { name: `Field ${index + 1}`, exact: true }).waitFor();
    await field.getByRole("button", { name: "Close" }).click();
    await eventually(() => field.count()).toBe(0);
  });

  it("all of it is called stale while the daemon is gone, and no more when it is back", async (test) => {
    const { toy, scans } = await scanned(test);
    const { page, publication } = await show(test, { toy, scans });
    await page.getByRole("heading", { name: "S-1" }).waitFor();
    await eventually(() => loaded(page, ".gallery img")).toBeGreaterThan(0);
    const stale = page.locator(".card .stale-tag");
    expect(await stale.count()).toBe(0);
    await publication[Symbol.asyncDispose]();
    // Stage, list, slide, scan, gallery.
    await eventually(() => stale.count()).toBe(5);
    await page.locator(".banner", { hasText: "No connection to the daemon" }).waitFor();
    for (const name of ["Right →", "Home", "Start the scan"])
      expect(await page.getByRole("button", { name, exact: true }).isDisabled(), name).toBe(true);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.locator("[data-code=UNREACHABLE]", { hasText: "Use the switch of the stage itself" }).waitFor();
    await page.getByLabel("Class").selectOption("erythrocyte");
    await page.getByText("The cells could not be loaded: The daemon does not answer. (UNREACHABLE)").waitFor();
    const back = await publish(scans, Number(new URL(publication.url).port));
    test.onTestFinished(() => back[Symbol.asyncDispose]());
    await eventually(() => stale.count()).toBe(0);
    await eventually(() => page.locator(".load-failure").count()).toBe(0);
    await eventually(() => loaded(page, ".gallery img")).toBeGreaterThan(0);
  });

  it("what could not be loaded is told by its code, and loaded by another try", async (test) => {
    const { toy, scans, id } = await scanned(test);
    const at = join(toy.options.paths.scans, id);
    const away = async (name: string) => {
      await rename(join(at, name), join(at, `${name}.away`));
      return () => rename(join(at, `${name}.away`), join(at, name));
    };
    const back = await away("fields");
    const { page } = await show(test, { toy, scans, options: { expected: /404/ } });
    const failure = (what: RegExp) => page.locator(".load-failure", { hasText: what });
    await failure(/^Parts of the map could not be loaded: .*\(NOT_FOUND\)/).waitFor();
    await page.locator(".gallery img").first().scrollIntoViewIfNeeded();
    await failure(/^(?:A picture|\d+ pictures) could not be loaded: .*\(NOT_FOUND\)/).waitFor();
    await page.locator(".slide-canvas").click();
    await failure(/^The picture could not be loaded: .*\(NOT_FOUND\)/).waitFor();
    await back();
    for (const what of [/^Parts/, /^(?:A picture|\d+ pictures) could/, /^The picture/])
      await failure(what).getByRole("button", { name: "Try again" }).click();
    await eventually(() => page.locator(".load-failure").count()).toBe(0);
    await eventually(() => coloursOf(page)).toBeGreaterThan(200);
    await eventually(() => loaded(page, ".gallery img")).toBeGreaterThan(0);
    await page.locator(".scanned-field canvas").waitFor();
  });

  it("a scan that is not there is told by its code, and found by another try", async (test) => {
    const { toy, scans: before, id } = await scanned(test);
    await before[Symbol.asyncDispose]();
    const [from, to] = [join(toy.options.paths.scans, id), join(toy.options.paths.scans, "..", "away")];
    await rename(from, to);
    const scans = createScanDesk(toy.options);
    test.onTestFinished(() => scans[Symbol.asyncDispose]());
    const { page } = await show(test, { toy, scans, hash: `#/scans/${id}`, options: { expected: /404/ } });
    const failure = page.locator(".load-failure", { hasText: /^The scan could not be loaded: .*\(SCAN_NOT_FOUND\)/ });
    await failure.waitFor();
    await rename(to, from);
    await failure.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "S-1" }).waitFor();
    expect(await failure.count()).toBe(0);
  });

  it("two fingers zoom the map; a press that the browser takes away opens no field", async (test) => {
    const { toy, scans } = await scanned(test);
    const options = { viewport: { width: 390, height: 844 }, hasTouch: true };
    const { page } = await show(test, { toy, scans, options });
    const canvas = page.locator(".slide-canvas");
    const whole = await wholeOf(page);
    await canvas.scrollIntoViewIfNeeded();
    const box = (await canvas.boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const devtools = await page.context().newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd" | "touchCancel", apartPx?: number) =>
      devtools.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: (apartPx === undefined ? [] : apartPx === 0 ? [0] : [-apartPx / 2, apartPx / 2]).map((dx, id) => ({
          ...{ id, y },
          x: x + dx,
        })),
      });
    await touch("touchStart", 0);
    await touch("touchCancel");
    await touch("touchStart", 60);
    await touch("touchMove", 120);
    await touch("touchMove", 180);
    await touch("touchEnd");
    await eventually(() => paintedOf(page)).not.toBe(whole);
    expect(await page.locator(".scanned-field").count()).toBe(0);
    await page.getByRole("button", { name: "Whole slide" }).click();
    await eventually(() => paintedOf(page)).toBe(whole);
    await canvas.tap();
    await page.locator(".scanned-field canvas").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  it("the form says what does not fit, what the daemon refuses and why, and scans a list of places", async (test) => {
    const { toy, scans, page } = await opened(test);
    const start = page.getByRole("button", { name: "Start the scan" });
    await page.getByLabel("Where to look").selectOption("list");
    await page.getByRole("textbox", { name: /^Places/ }).fill("x, y\n100, 100\n160 100\n220; 100\nover there");
    await page.getByLabel("Fields", { exact: true }).fill("2.5");
    await start.click();
    await page.locator("[data-code=REQUEST_INVALID]").waitFor();
    expect(await page.locator(".scan-form .fault").allInnerTexts()).toEqual([
      "What the laboratory calls the slide",
      "Line 5: x and y are due, µm",
      "A whole number from 1 to 1,000,000",
    ]);
    await page.getByLabel("Slide (no patient's name)").fill("S-8");
    await page.getByRole("textbox", { name: /^Places/ }).fill("x, y\n100, 100\n160 100\n220; 100");
    await page.getByLabel("Fields", { exact: true }).fill("2");
    await page
      .locator(".scan-form label", { hasText: /^Focus/ })
      .locator("select")
      .selectOption("none");
    await toy.stage.stop();
    await start.click();
    await page.locator("[data-code=STAGE_STOPPED]", { hasText: "Release the stage" }).waitFor();
    await page.getByRole("button", { name: "Release" }).click();
    await eventually(() => toy.stage.status.state).toBe("ready");
    await start.click();
    await page.locator("main .card-head .state.scan-complete").waitFor();
    expect((await scans.list())[0]).toMatchObject({ slide: "S-8", fieldsDone: 2, plan: { kind: "list" } });
  });

  it("the stage is told where it stands", async (test) => {
    const { scans, page } = await opened(test);
    await page.getByText("Say where it stands", { exact: true }).click();
    for (const [name, value] of Object.entries({ x: "1200", y: "-340.5", z: "7" }))
      await page.getByLabel(`${name} where it stands, µm`).fill(value);
    await page.getByRole("button", { name: "It stands here" }).click();
    await page.getByText("x 1200.0 · y -340.5 · z 7.0 µm").waitFor();
    const { x, y, z } = scans.status().stage?.positionUm ?? { x: 0, y: 0 };
    expect([x, y, z]).toEqual([expect.closeTo(1200), expect.closeTo(-340.5), 7]);
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
