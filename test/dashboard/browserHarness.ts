import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, type TestContext } from "vitest";
import { buildDashboard } from "../../src/dashboard/build.js";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

/** Whether there is a browser; tests that need one skip where there is none. */
export const browserThere = executablePath !== undefined;

const launchArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Retries an expectation for as long as a loaded machine may need. */
export const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 30_000 });

export interface Visits {
  /** Folder of the dashboard, built for these tests. */
  readonly folder: string;
  readonly browser: () => Browser;
  /** A page that fails the test by any error, and by any request to elsewhere. `expected`: errors that the test provokes. */
  readonly visit: (
    test: TestContext,
    url: string,
    options?: BrowserContextOptions & { readonly expected?: RegExp },
  ) => Promise<Page>;
}

const lostConnection = /ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_EMPTY_RESPONSE/;

/** A browser and a built dashboard for the tests of a `describe`. */
export const useBrowser = (): Visits => {
  const folder = mkdtempSync(join(tmpdir(), "cytostream-dashboard-"));
  let browser: Browser;
  beforeAll(async () => {
    await buildDashboard(folder);
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const visit: Visits["visit"] = async (test, url, { expected = lostConnection, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
    const page = await context.newPage();
    const faults: string[] = [];
    const { origin } = new URL(url);
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !lostConnection.test(message.text()) && !expected.test(message.text()))
        faults.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("blob:")) faults.push(request.url());
    });
    test.onTestFinished(async () => {
      await context.close();
      expect(faults).toEqual([]);
    });
    await page.goto(url);
    return page;
  };
  return { folder, browser: () => browser, visit };
};
