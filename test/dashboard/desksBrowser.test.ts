import type { Page } from "playwright-core";
import { describe, expect, it, type TestContext } from "vitest";
import { createPublication } from "../../src/publication/index.js";
import { healthy } from "../publication/harness.js";
import { sampleCellsInput, sampleCounts, sampleFrameInput, sampleStatus } from "../publication/samples.js";
import { browserThere, eventually, useBrowser } from "./browserHarness.js";
import { deskScene } from "./deskScene.js";

describe.skipIf(!browserThere)("labels, trainings and models in a browser (needs chromium)", () => {
  const { folder, visit } = useBrowser();

  const opened = async (test: TestContext, hash: string, options: Parameters<typeof visit>[2] = {}) => {
    const scene = await deskScene();
    const { desks } = scene;
    const publication = await createPublication({
      ...{ port: 0, version: "0.0.0-test", health: healthy, dashboardDir: folder },
      desks,
    });
    test.onTestFinished(() => publication[Symbol.asyncDispose]());
    publication.publish(sampleStatus());
    publication.publish(sampleCounts(120));
    publication.publish(sampleCellsInput(4));
    publication.publish(sampleFrameInput(4));
    const page = await visit(test, `${publication.url}#/${hash}`, {
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    await page.locator("[data-connection=live]").waitFor();
    return { ...scene, publication, page };
  };

  const signed = async (page: Page): Promise<void> => page.getByLabel("Your initials").fill("MK");

  /** Where a place of the picture lies on the page, CSS px. */
  const placeOf = async (page: Page, x: number, y: number): Promise<[number, number]> => {
    const box = await page.locator(".field-picture").boundingBox();
    if (box === null) throw new Error("there is no picture");
    return [box.x + (x / 640) * box.width, box.y + (y / 480) * box.height];
  };

  const drag = async (page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> => {
    await page.mouse.move(...(await placeOf(page, ...from)));
    await page.mouse.down();
    await page.mouse.move(...(await placeOf(page, (from[0] + to[0]) / 2, (from[1] + to[1]) / 2)));
    await page.mouse.move(...(await placeOf(page, ...to)));
    await page.mouse.up();
  };

  const pile = (page: Page, state: string) => page.locator(`.pile-state[data-state=${state}] .figure`);
  const picture = (page: Page) => page.locator(".field-picture");

  it("a box is corrected by mouse, the field confirmed by key, and the pile grows", async (test) => {
    const { page, desks } = await opened(test, "labels/f-1");
    await signed(page);
    await picture(page).waitFor();
    const before = (await desks.labels.field("f-1"))?.cells ?? [];
    const target = before.findIndex(({ cellClass }) => cellClass === "basophil");
    const { left, top, right, bottom } = before[target]?.box ?? { left: 0, top: 0, right: 0, bottom: 0 };
    const middle = [(left + right) / 2, (top + bottom) / 2] as const;
    await page.mouse.click(...(await placeOf(page, ...middle)));
    await eventually(() => picture(page).getAttribute("aria-label")).toContain("Basophil");
    await drag(page, [right, bottom], [right - 12, bottom - 9]);
    await drag(page, middle, [middle[0] - 20, middle[1] + 4]);
    await page.locator(".class-choice[data-class=lymphocyte]").click();
    await drag(page, [10, 10], [50, 44]);
    await eventually(() => picture(page).getAttribute("data-cells")).toBe(String(before.length + 1));
    expect(await pile(page, "confirmed").textContent()).toBe("0");
    await page.locator("h2#pile-title").click();
    await page.keyboard.press("Enter");
    await eventually(() => pile(page, "confirmed").textContent()).toBe("1");
    const after = await desks.labels.field("f-1");
    expect(after).toMatchObject({ revision: 2, state: "confirmed", author: "MK" });
    const corrected = after?.cells[target];
    expect(corrected?.cellClass).toBe("lymphocyte");
    const within = (actual = 0, expected: number): void => expect(Math.abs(actual - expected)).toBeLessThanOrEqual(2);
    within(corrected?.box.left, left - 20);
    within(corrected?.box.right, right - 32);
    within(corrected?.box.bottom, bottom - 5);
    expect(after?.cells.at(-1)?.cellClass).toBe("lymphocyte");
    await eventually(() => page.locator(".editor").getAttribute("data-field")).toBe("f-6");
    await page.getByText("History").click();
    await page.getByText("Proposed by unet@1.0.0").waitFor();
  });

  it("the keyboard alone is enough: arrows, classes, undo, delete, save, reject, unidentified", async (test) => {
    const { page, desks } = await opened(test, "labels/f-1");
    await picture(page).waitFor();
    const before = (await desks.labels.field("f-1"))?.cells ?? [];
    await page.keyboard.press("ArrowRight");
    await eventually(() => picture(page).getAttribute("aria-label")).toContain("number 1 selected");
    await page.keyboard.press("8");
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("s");
    // Without initials nothing is kept: the cursor stands where they belong.
    await eventually(() => page.evaluate(() => document.activeElement?.className)).toContain("author-input");
    await page.keyboard.type("MK");
    await page.keyboard.press("Tab");
    await page.keyboard.press("s");
    await eventually(async () => (await desks.labels.field("f-1"))?.state).toBe("corrected");
    const [cell] = (await desks.labels.field("f-1"))?.cells ?? [];
    expect(cell).toMatchObject({ cellClass: "monocyte", box: { left: (before[0]?.box.left ?? 0) - 1 } });
    await eventually(() => page.locator(".editor").getAttribute("data-revision")).toBe("2");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Delete");
    await eventually(() => picture(page).getAttribute("data-cells")).toBe(String(before.length - 1));
    await page.keyboard.press("z");
    await eventually(() => picture(page).getAttribute("data-cells")).toBe(String(before.length));
    await page.keyboard.press("n");
    await eventually(() => picture(page).getAttribute("data-cells")).toBe(String(before.length + 1));
    await page.keyboard.press("z");
    await page.keyboard.press("r");
    await eventually(() => pile(page, "rejected").textContent()).toBe("1");
    await eventually(() => page.locator(".editor").getAttribute("data-field")).toBe("f-6");
    await page.keyboard.press("u");
    await eventually(() => pile(page, "unidentified").textContent()).toBe("1");
    expect((await desks.labels.field("f-6"))?.cells).toEqual((await desks.labels.revisions("f-6"))[0]?.cells);
  });

  it("zooms about the pointer and pans; boxes stay where the cells are", async (test) => {
    const { page } = await opened(test, "labels/f-1");
    await picture(page).waitFor();
    const viewBox = async () => ((await picture(page).getAttribute("viewBox")) ?? "").split(" ").map(Number);
    await page.mouse.move(...(await placeOf(page, 640 * 0.75, 480 * 0.25)));
    await page.mouse.wheel(0, -300);
    await eventually(async () => (await viewBox())[2]).toBeLessThan(640);
    const [x = 0, y = 0, width = 0] = await viewBox();
    expect(x + width * 0.75).toBeCloseTo(480, 0);
    await page.keyboard.press("h");
    await drag(page, [300, 200], [350, 230]);
    await eventually(async () => (await viewBox())[0]).toBeLessThan(x);
    expect((await viewBox())[1]).toBeLessThanOrEqual(y);
    await page.keyboard.press("f");
    await eventually(viewBox).toEqual([0, 0, 640, 480]);
  });

  it("shows that somebody else changed the field, and takes either side", async (test) => {
    const { page, desks } = await opened(test, "labels/f-2", { expected: /409/ });
    await signed(page);
    await picture(page).waitFor();
    const theirs = { field: "f-2", cells: [], author: "AB" };
    await desks.labels.submit({ ...theirs, id: "theirs-1", state: "corrected" });
    await page.getByText("Changed meanwhile.").waitFor();
    await page.getByRole("button", { name: "Confirm, next" }).click();
    await page.getByRole("button", { name: "Put mine on top" }).click();
    await eventually(async () => (await desks.labels.field("f-2"))?.state).toBe("confirmed");
    const revisions = await desks.labels.revisions("f-2");
    expect(revisions.map(({ author }) => author)).toEqual(["unet@1.0.0", "AB", "MK"]);
    expect(revisions[2]?.cells).toEqual(revisions[0]?.cells);
    // It goes on to the next field by itself.
    await page.locator(".editor:not([data-field=f-2])").waitFor();
    await page.goto(page.url().replace(/#.*/, "#/labels/f-3"));
    await page.locator(".editor[data-field=f-3]").waitFor();
    await desks.labels.submit({ ...theirs, field: "f-3", id: "theirs-2", state: "rejected" });
    await page.getByRole("button", { name: "Show theirs" }).click();
    await eventually(() => picture(page).getAttribute("data-cells")).toBe("0");
  });

  it("offers fields with their reasons, and lists those in a state", async (test) => {
    const { page, desks } = await opened(test, "labels");
    await eventually(() => page.locator(".offer").count()).toBe(6);
    expect(await page.locator("[data-reason=rarity]").first().textContent()).toContain("basophil");
    expect(await page.locator(".needed").textContent()).toContain("12 of 40 fields confirmed");
    await desks.labels.submit({ id: "r", field: "f-4", cells: [], state: "rejected", author: "AB" });
    await eventually(() => page.locator(".offer").count()).toBe(5);
    await page.getByRole("combobox").selectOption("rejected");
    await eventually(() => page.locator(".offer").getAttribute("data-offer")).toBe("f-4");
    await page.getByRole("button", { name: "Begin" }).click();
    await page.locator(".editor[data-field=f-6]").waitFor();
  });

  it("keeps the live field for review", async (test) => {
    const { page, desks } = await opened(test, "");
    await page.locator("canvas[data-frame]").waitFor();
    await page.keyboard.press("k");
    await page.getByText("Kept: review it").click();
    await page.locator(".editor[data-field=f-7]").waitFor();
    expect((await desks.labels.stats()).fields.proposed).toBe(7);
  });

  it("shows the rule and a training as it goes on; pauses, cancels and starts one", async (test) => {
    const { page, desks, running } = await opened(test, "jobs");
    const job = page.locator(`.job[data-job=${running}]`);
    await eventually(() => job.locator(".progress .number").textContent()).toBe("62 %");
    expect(await job.locator("[aria-current=step]").textContent()).toBe("Train the detector");
    await desks.jobs.advance(running, 0.8);
    await eventually(() => job.locator(".progress .number").textContent()).toBe("80 %");
    expect(await job.locator(".curve").count()).toBe(2);
    await eventually(() =>
      job
        .locator(".samples img")
        .evaluateAll((images) => images.filter((one) => (one as HTMLImageElement).naturalWidth > 0).length),
    ).toBeGreaterThan(2);
    expect(await page.locator(".decision").first().textContent()).toContain("trainings begin from 22:00");
    await job.getByRole("button", { name: "Pause" }).click();
    await eventually(() => job.getAttribute("data-state")).toBe("paused");
    await job.getByRole("button", { name: "Resume" }).click();
    await eventually(() => job.getAttribute("data-state")).toBe("running");
    await job.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel the training" }).click();
    await eventually(() => job.getAttribute("data-state")).toBe("cancelled");
    await signed(page);
    await page.getByRole("button", { name: "Start a training" }).click();
    await page.locator(".job[data-job=job-3][data-state=running]").waitFor();
    expect((await desks.jobs.show("job-3")).reason).toBe("Asked for by MK.");
  });

  it("compares two models, goes back by one, promotes one; says what is in production", async (test) => {
    const { page, desks } = await opened(test, "models");
    const production = page.locator("[data-production]");
    await eventually(() => production.textContent()).toBe("unet@1.1.0");
    expect(await page.locator("tr[data-model='unet@1.1.0']").textContent()).toContain("from unet@1.0.0 by job-1");
    await page.getByRole("button", { name: "Compare" }).click();
    await eventually(() => page.locator(".comparison tr[data-class=leukocyte]").textContent()).toContain(
      "+2.3 to +7.5",
    );
    await page.getByRole("button", { name: "Roll back" }).click();
    const dialog = page.getByRole("dialog", { name: "Go back by one model?" });
    await dialog.getByLabel("Your initials").fill("MK");
    await dialog.getByRole("button", { name: "Go back" }).click();
    await eventually(() => production.textContent()).toBe("unet@1.0.0");
    expect((await desks.models.history())[0]).toMatchObject({ kind: "rollback", by: "MK" });
    await eventually(() => page.locator(".promotions li").first().textContent()).toContain("Went back to unet@1.0.0");
    await page.locator("tr[data-model='unet@1.1.0']").getByRole("button", { name: "Promote" }).click();
    await page.getByLabel("Why").fill("the stain is mended");
    await page.getByRole("dialog").getByRole("button", { name: "Promote" }).click();
    await eventually(() => production.textContent()).toBe("unet@1.1.0");
    await eventually(() => page.getByRole("dialog").count()).toBe(0);
  });

  it("tells alarms on every page, and takes them away", async (test) => {
    const { page, publication } = await opened(test, "");
    const alarm = {
      kind: "stain",
      raised: true,
      value: 0.3,
      reference: 0.7,
      sinceMs: Date.now(),
      text: "The stain is unlike.",
    };
    publication.publish({ type: "alerts", alarms: [alarm] });
    for (const name of ["Live", "Labels", "Training", "Models"]) {
      await page.getByRole("link", { name, exact: true }).click();
      await eventually(() => page.locator("[data-alarm=stain]").textContent()).toContain("The stain is unlike.");
    }
    publication.publish({ type: "alerts", alarms: [{ ...alarm, raised: false }] });
    await eventually(() => page.locator("[data-alarm]").count()).toBe(0);
  });

  it.for([390, 820, 1280])("every page fits %i px without scrolling sideways", async (width, test) => {
    const { page } = await opened(test, "", { viewport: { width, height: 800 } });
    for (const hash of ["labels", "labels/f-1", "jobs", "models"]) {
      await page.goto(page.url().replace(/#.*/, `#/${hash}`));
      await page.locator("main .card").first().waitFor();
      if (hash === "labels/f-1") await picture(page).waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth), hash).toBeLessThanOrEqual(width);
    }
  });
});
