import sharp from "sharp";
import { describe, expect, it, type TestContext } from "vitest";
import { errorTable } from "../../src/core/index.js";
import { microscopeStatusSchema, scanFieldCellsSchema } from "../../src/publication/protocol/scans.js";
import type { ScanCell, ScanField, ScanRecord, SlideMap } from "../../src/scan/index.js";
import { settled } from "../scan/scanning.js";
import { toyRequest } from "../scan/toyMicroscope.js";
import { hangingMove, openScans } from "./scanDesk.js";

const opened = async (context: TestContext) => {
  const all = await openScans(context);
  const { url } = all.publication;
  const get = (path: string) => fetch(url + path);
  const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const scan = async (): Promise<ScanRecord> => {
    const { id } = await read<ScanRecord>(post("v1/scans", toyRequest()));
    return settled(all.scans, id);
  };
  return { ...all, get, post, scan };
};

const read = async <T>(answer: Promise<Response>): Promise<T> => {
  const response = await answer;
  const body = await response.json();
  expect([response.status, response.status === 200 ? "" : body]).toEqual([200, ""]);
  return body as T;
};

const failureOf = async (answer: Promise<Response>): Promise<[number, string]> => {
  const response = await answer;
  const body = (await response.json()) as { code: keyof typeof errorTable; message: string };
  expect(errorTable[body.code]).toBeDefined();
  expect(body.message).not.toMatch(/node_modules|\.ts|\/tmp/);
  expect(response.headers.get("cache-control")).toBe("no-store");
  return [response.status, body.code];
};

describe("a scan over HTTP", () => {
  it("is begun, told, and shows its fields, cells and map as pictures", async (context) => {
    const { get, scan } = await opened(context);
    const { id } = await scan();
    expect(await read(get("v1/scans"))).toMatchObject([{ id, state: "complete" }]);
    const record = await read<ScanRecord>(get(`v1/scans/${id}`));
    expect(record).toMatchObject({ slide: "S-1", fieldsDone: 20, setup: { simulated: true } });
    const fields = await read<ScanField[]>(get(`v1/scans/${id}/fields?from=17`));
    expect(fields.map(({ index }) => index)).toEqual([17, 18, 19]);
    const some = await read<ScanField[]>(get(`v1/scans/${id}/fields?from=4&limit=3`));
    expect(some.map(({ index }) => index)).toEqual([4, 5, 6]);
    const found = scanFieldCellsSchema.parse(await read(get(`v1/scans/${id}/fields/17/cells`)));
    expect(found).toMatchObject({ field: { index: 17 }, widthPx: 160, heightPx: 120, umPerPixel: 0.5 });
    const numbers: Record<string, number> = {};
    for (const { cellClass, boxPx, centrePx } of found.cells) {
      numbers[cellClass] = (numbers[cellClass] ?? 0) + 1;
      expect(boxPx.right).toBeGreaterThan(boxPx.left);
      expect(centrePx.y).toBeGreaterThan(boxPx.top);
    }
    expect(numbers).toEqual(fields[0]?.cells);
    expect(await failureOf(get(`v1/scans/${id}/fields/20/cells`))).toEqual([404, "NOT_FOUND"]);
    const picture = await get(`v1/scans/${id}/fields/17/picture`);
    expect(picture.headers.get("content-type")).toBe("image/jpeg");
    expect(picture.headers.get("cache-control")).toContain("immutable");
    expect(await sharp(Buffer.from(await picture.arrayBuffer())).metadata()).toMatchObject({ width: 160, height: 120 });
    const cells = await read<ScanCell[]>(get(`v1/scans/${id}/cells?class=erythrocyte&limit=3`));
    expect(cells).toHaveLength(3);
    const cut = await get(`v1/scans/${id}/cells/${cells[0]?.id}/picture`);
    expect(cut.headers.get("cache-control")).toBe("no-store");
    const { width, height } = await sharp(Buffer.from(await cut.arrayBuffer())).metadata();
    expect(width).toBe(height);
  });

  it("keeps a tile of the map under the newest version only", async (context) => {
    const { get, scan } = await opened(context);
    const { id } = await scan();
    const { version, levels } = await read<SlideMap>(get(`v1/scans/${id}/map`));
    const tile = (of: number) => get(`v1/scans/${id}/map/${of}/${levels - 1}/0/0`);
    const newest = await tile(version);
    expect(newest.headers.get("cache-control")).toContain("immutable");
    expect(await sharp(Buffer.from(await newest.arrayBuffer())).metadata()).toMatchObject({ format: "jpeg" });
    expect((await tile(version - 1)).headers.get("cache-control")).toBe("no-store");
    const nothing = await get(`v1/scans/${id}/map/${version}/0/99999/0`);
    expect([nothing.status, await nothing.text()]).toEqual([204, ""]);
    expect(nothing.headers.get("cache-control")).toContain("immutable");
  });

  it("is paused, resumed and aborted", async (context) => {
    const { post, scans, toy } = await opened(context);
    toy.stage.moveMs = 5;
    toy.detectMs = 20;
    const { id } = await read<ScanRecord>(post("v1/scans", toyRequest()));
    expect(await failureOf(post("v1/scans", toyRequest()))).toEqual([409, "SCAN_RUNNING"]);
    expect(await failureOf(post("v1/microscope/stage", { action: "home", by: "MK" }))).toEqual([409, "SCAN_RUNNING"]);
    expect(await read(post(`v1/scans/${id}/pause`))).toMatchObject({ state: "paused" });
    expect(await read(post(`v1/scans/${id}/resume`))).toMatchObject({ state: "running" });
    expect(await read(post(`v1/scans/${id}/abort`, { by: "MK" }))).toMatchObject({ state: "aborted" });
    expect((await scans.show(id)).endedBy).toContain("MK");
    expect(await failureOf(post(`v1/scans/${id}/resume`))).toEqual([409, "SCAN_ENDED"]);
  });

  it.for([
    ["v1/scans/none", 404, "SCAN_NOT_FOUND"],
    ["v1/scans/...", 404, "SCAN_NOT_FOUND"],
    ["v1/scans/..%2f..%2fetc", 400, "REQUEST_INVALID"],
    ["v1/scans/none/fields?from=-1", 400, "REQUEST_INVALID"],
    ["v1/scans/none/fields?limit=5001", 400, "REQUEST_INVALID"],
    ["v1/scans/none/fields/1/cells", 404, "SCAN_NOT_FOUND"],
    ["v1/scans/none/fields?colour=red", 400, "REQUEST_INVALID"],
    ["v1/scans/none/fields/0x1/picture", 400, "REQUEST_INVALID"],
    ["v1/scans/none/cells", 400, "REQUEST_INVALID"],
    ["v1/scans/none/cells?class=unicorn", 400, "REQUEST_INVALID"],
    ["v1/scans/none/cells?class=leukocyte&limit=1001", 400, "REQUEST_INVALID"],
    ["v1/scans/none/map/1/0/-1/0", 400, "REQUEST_INVALID"],
  ] as const)("%s is %d %s", async ([path, status, code], context) => {
    const { get } = await opened(context);
    expect(await failureOf(get(path))).toEqual([status, code]);
  });

  it("is refused before anything moves where its plan does not fit", async (context) => {
    const { post, toy } = await opened(context);
    const wrong = [{}, toyRequest({ slide: "" }), { ...toyRequest(), colour: 1 }, toyRequest({ by: "" })];
    for (const request of wrong) expect(await failureOf(post("v1/scans", request))).toEqual([400, "REQUEST_INVALID"]);
    expect(await failureOf(post("v1/scans", { ...toyRequest(), slide: "x".repeat(4 * 1024 * 1024) }))).toEqual([
      413,
      "REQUEST_TOO_LARGE",
    ]);
    expect(toy.stage.moves).toEqual([]);
  });
});

describe("the microscope over HTTP", () => {
  it("tells where the stage is, and moves it", async (context) => {
    const { get, post } = await opened(context);
    expect(microscopeStatusSchema.parse(await read(get("v1/microscope")))).toMatchObject({
      stage: { name: "toy-stage", state: "ready" },
      busy: null,
    });
    const to = (x: number, relative: boolean) =>
      read<{ stage: { positionUm: { x: number; y: number } } }>(
        post("v1/microscope/stage", { action: "move", to: { x, y: 20 }, relative, by: "MK" }),
      );
    expect((await to(30, false)).stage.positionUm.x).toBeCloseTo(30);
    const { positionUm } = (await to(5, true)).stage;
    expect([positionUm.x, positionUm.y]).toEqual([expect.closeTo(35), expect.closeTo(40)]);
    expect(await failureOf(post("v1/microscope/focus", { by: "MK" }))).toEqual([
      errorTable.STAGE_UNSUPPORTED.httpStatus,
      "STAGE_UNSUPPORTED",
    ]);
    expect(await failureOf(post("v1/microscope/calibrate", { what: "tea", by: "MK" }))).toEqual([
      400,
      "REQUEST_INVALID",
    ]);
    expect(await failureOf(post("v1/microscope/stage", { action: "move", to: { x: 1e9 }, by: "MK" }))).toEqual([
      400,
      "REQUEST_INVALID",
    ]);
  });

  it("stops at once while a move hangs, and moves again after a release only", async (context) => {
    const all = await opened(context);
    const { post, toy } = all;
    const { answer } = await hangingMove(all);
    const status = await read<{ stage: { state: string } }>(post("v1/microscope/stage", { action: "stop", by: "MK" }));
    expect(status.stage.state).toBe("stopped");
    expect((await failureOf(answer))[1]).toBe("STAGE_STOPPED");
    toy.stage.moveMs = 0;
    const again = () => post("v1/microscope/stage", { action: "move", to: { x: 1 }, by: "MK" });
    expect((await failureOf(again()))[1]).toBe("STAGE_STOPPED");
    await read(post("v1/microscope/stage", { action: "release", by: "MK" }));
    await read(again());
  });

  it("obeys no page of another site", async (context) => {
    const { post, toy } = await opened(context);
    const origin = "http://evil.example";
    for (const path of ["v1/scans", "v1/scans/x/abort", "v1/microscope/stage", "v1/microscope/focus"])
      expect(await failureOf(post(path, { action: "home", by: "MK" }, { origin }))).toEqual([403, "ORIGIN_REFUSED"]);
    expect(toy.stage.moves).toEqual([]);
  });
});
