import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { BrowserContextOptions, Page } from "playwright-core";
import { describe, expect, it, type TestContext } from "vitest";
import { createPublication, type Publication } from "../../src/publication/index.js";
import { healthy } from "../publication/harness.js";
import { sampleCellsInput, sampleCounts, sampleFrameInput, sampleStatus } from "../publication/samples.js";
import { browserThere, eventually, useBrowser } from "./browserHarness.js";

/** A way to the daemon that can be broken without the daemon's doing. */
const openRelay = async (port: number) => {
  const sockets = new Set<Socket>();
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: relayPort } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    breakAll();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${relayPort}/`, breakAll, close };
};

describe.skipIf(!browserThere)("the dashboard in a browser (needs chromium)", () => {
  const { folder, browser, visit: visitUrl } = useBrowser();

  const open = (port = 0): Promise<Publication> =>
    createPublication({ port, version: "0.0.0-test", health: healthy, dashboardDir: folder });

  const visit = (test: TestContext, { url }: { readonly url: string }, options: BrowserContextOptions = {}) =>
    visitUrl(test, url, options);

  const opened = async (test: TestContext): Promise<Publication> => {
    const publication = await open();
    test.onTestFinished(() => publication[Symbol.asyncDispose]());
    for (let frame = 0; frame < 5; frame++) publication.publish(sampleCellsInput(frame));
    publication.publish(sampleStatus());
    publication.publish(sampleCounts(120));
    publication.publish(sampleFrameInput(4));
    return publication;
  };

  const countOf = (page: Page, name: string) => page.locator(`.tile[data-class=${name}] .figure`);

  /** The colour of the picture at a place, px of the frame. */
  const pixelAt = (page: Page, x: number, y: number): Promise<number[]> =>
    page.locator("canvas[data-frame]").evaluate(
      (canvas: HTMLCanvasElement, [atX, atY]) => {
        const scale = canvas.width / 1280;
        const data = canvas.getContext("2d")?.getImageData((atX ?? 0) * scale, (atY ?? 0) * scale, 1, 1).data;
        return [...(data ?? [])].slice(0, 3);
      },
      [x, y],
    );

  it("shows counts with limits, the differential, the instrument, the slide, and that it is simulated", async (test) => {
    const page = await visit(test, await opened(test));
    await eventually(() => countOf(page, "erythrocyte").textContent()).toBe("17\u202f352");
    expect(await page.locator(".tile[data-class=leukocyte]").textContent()).toContain("104");
    expect(await page.locator("tr[data-class=neutrophil]").textContent()).toContain("58.8");
    expect(await page.locator("tr[data-class=neutrophil] .limits").textContent()).toMatch(/49\.1 – 67\.9/);
    expect(await page.locator(".simulated").textContent()).toBe("Simulated");
    const instrument = (await page.locator(".instrument").textContent()) ?? "";
    for (const text of ["virtual", "unet 1.0.0", "cpu", "0.1000 µm/px told by the camera", "replaced by newer"]) {
      expect(instrument).toContain(text);
    }
    await eventually(() => page.locator(".map").getAttribute("data-fields")).toBe("5");
    expect(await page.getByText("Not for diagnosis").count()).toBe(1);
  });

  it("draws marks where the cells are, and takes them away again", async (test) => {
    const publication = await opened(test);
    const page = await visit(test, publication);
    await page.locator("canvas[data-frame='4']").waitFor();
    const label = await page.locator("canvas[data-frame]").getAttribute("aria-label");
    expect(label).toMatch(/^Field 4\. .*Red cell 52/);
    const redCell = sampleFrameInput(4).cells.find(
      ({ cellClass, centre: { x, y } }) => cellClass === "erythrocyte" && x > 100 && x < 1000 && y > 100 && y < 800,
    );
    const { x, y } = redCell?.centre ?? { x: 0, y: 0 };
    const distance = async (): Promise<number> => {
      const [r = 0, g = 0, b = 0] = await pixelAt(page, x, y);
      return Math.hypot(r - 0xd5, g - 0x5e, b);
    };
    await eventually(distance).toBeLessThan(40);
    await page.keyboard.press("c");
    await eventually(distance).toBeGreaterThan(60);
    await page.keyboard.press("d");
    await eventually(() => publication.wants("density")).toBe(true);
    await eventually(distance).toBeLessThan(60);
  });

  it("can be used with the keyboard alone", async (test) => {
    const page = await visit(test, await opened(test));
    await page.locator("canvas[data-frame]").waitFor();
    const focused = (): Promise<string> => page.evaluate(() => (document.activeElement?.textContent ?? "").trim());
    const order: string[] = [];
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("Tab");
      order.push(await focused());
    }
    expect(order).toEqual(["Theme: Auto", "Help", "Outlines", "Boxes", "Centres", "Letters", "Density", "Hold"]);
    await page.keyboard.press("Enter");
    const pressed = (name: string) => page.getByRole("button", { name }).getAttribute("aria-pressed");
    await expect.poll(() => pressed("Hold")).toBe("true");
    await page.keyboard.press("?");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await page.getByLabel("Use single keys").uncheck();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await page.keyboard.press("o");
    // Single keys are off: nothing comes of it, now or later.
    await page.waitForTimeout(100);
    expect(await pressed("Outlines")).toBe("true");
    expect(await page.locator("[aria-live]").textContent()).toBe("Connected. Camera live.");
  });

  it("follows the system's light and dark, and a choice that it keeps", async (test) => {
    const publication = await opened(test);
    const page = await visit(test, publication, { colorScheme: "dark" });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe("rgb(15, 18, 21)");
    await page.keyboard.press("t");
    await eventually(background).toBe("rgb(241, 243, 245)");
    await page.reload();
    await eventually(background).toBe("rgb(241, 243, 245)");
  });

  it("marks what is stale", async (test) => {
    const publication = await opened(test);
    const page = await visit(test, publication);
    await countOf(page, "erythrocyte").waitFor();
    expect(await page.locator(".stale-tag").count()).toBe(0);
    publication.publish(sampleStatus("stale", true));
    await page.locator(".counts .stale-tag").waitFor();
    expect(await page.locator("[data-camera=stale]").textContent()).toContain("Camera stale");
    expect(await page.locator("[aria-live]").textContent()).toContain("The camera delivers no new fields.");
  });

  it("comes back by itself when the daemon has been started anew, with its figures", async (test) => {
    const first = await open();
    first.publish(sampleStatus());
    first.publish(sampleCounts(120));
    const page = await visit(test, first);
    await eventually(() => countOf(page, "erythrocyte").textContent()).toBe("17\u202f352");
    await first[Symbol.asyncDispose]();
    await page.locator("[data-connection=waiting], [data-connection=connecting]").waitFor();
    await page.locator(".counts .stale-tag").waitFor();
    const second = await open(first.port);
    test.onTestFinished(() => second[Symbol.asyncDispose]());
    second.publish(sampleStatus());
    second.publish(sampleCounts(10));
    await page.keyboard.press("r");
    await page.locator("[data-connection=live]").waitFor();
    await eventually(() => countOf(page, "erythrocyte").textContent()).toBe("1\u202f446");
    expect(await page.locator(".stale-tag").count()).toBe(0);
  });

  it("resumes on the same daemon after the connection broke, and catches up", async (test) => {
    const publication = await opened(test);
    const relay = await openRelay(publication.port);
    test.onTestFinished(() => relay.close());
    const page = await visit(test, relay);
    await page.locator("[data-connection=live]").waitFor();
    await eventually(() => countOf(page, "erythrocyte").textContent()).toBe("17\u202f352");
    relay.breakAll();
    publication.publish(sampleCounts(10));
    await eventually(() => page.locator("[data-connection=live]").textContent()).toContain("resumed");
    await eventually(() => countOf(page, "erythrocyte").textContent()).toBe("1\u202f446");
    expect(publication.stats().accepted).toBeGreaterThanOrEqual(2);
  });

  it.each([320, 390, 820, 1200, 1920])("fits %i px without scrolling sideways", async (width) => {
    await using publication = await open();
    publication.publish(sampleStatus());
    publication.publish(sampleCounts(99_999));
    const context = await browser().newContext({ viewport: { width, height: 900 } });
    const page = await context.newPage();
    await page.goto(publication.url);
    await countOf(page, "erythrocyte").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await context.close();
  });
});
