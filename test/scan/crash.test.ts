import { cp, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { createScanDesk } from "../../src/scan/index.js";
import { newFolder, settled } from "./scanning.js";
import { toyMicroscope, toyRequest, toySlide } from "./toyMicroscope.js";

const slide = toySlide(21);
const crashes = 12;

it(`a journal that was cut at any byte, ${crashes} times: the scan goes on at the right field, to the same counts`, async () => {
  const folder = await newFolder();
  const toy = toyMicroscope(folder, slide);
  await using desk = createScanDesk(toy.options);
  const { id } = await desk.start(toyRequest());
  const whole = await settled(desk, id);
  expect(whole.state).toBe("complete");
  const { size } = await stat(join(folder, id, "fields.journal"));
  const lines = (await readFile(join(folder, id, "fields.journal"), "utf8")).split("\n");
  const random = createRandom(8);
  for (let crash = 0; crash < crashes; crash++) {
    const copy = await newFolder();
    await cp(folder, copy, { recursive: true });
    // Never the last line whole: it says that the scan is complete.
    const bytes = random.int(size - 1);
    await truncate(join(copy, id, "fields.journal"), bytes);
    let left = bytes;
    const sound = lines.filter((line) => {
      left -= Buffer.byteLength(line) + 1;
      return left >= 0;
    });
    const done = sound.filter((line) => line.includes('"kind":"field"')).length;
    const again = toyMicroscope(copy, slide);
    await using next = createScanDesk(again.options);
    expect(await next.show(id)).toMatchObject({ state: "paused", fieldsDone: done });
    await next.resume(id);
    const record = await settled(next, id);
    expect(record).toMatchObject({ state: "complete", fieldsDone: 20 });
    expect(record.counts).toEqual(whole.counts);
    expect(await next.fields(id)).toMatchObject(
      (await desk.fields(id)).map(({ index, centreUm, cells }) => ({ index, centreUm, cells })),
    );
    // The last field once more, to know the slide, then those that are left.
    const check = done > 0 && done < 20 ? 1 : 0;
    expect(again.stage.moves.length).toBe(20 - done + check);
  }
});
