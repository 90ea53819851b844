import { createScanDesk } from "../../src/scan/index.js";
import { toyMicroscope, toyRequest, toySlide } from "../scan/toyMicroscope.js";

/**
 * A process that scans a toy slide, or goes on with the scan of an id, until it is whole; it says what it does, a line of JSON each. It goes on
 * by itself after a full disk.
 */
const [scans = "", id = ""] = process.argv.slice(2);

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const toy = toyMicroscope(scans, toySlide(31, 900), {
  onField: ({ field }) => say({ field: field.index, moves: toy.stage.moves.length }),
});
toy.stage.moveMs = 4;
toy.camera.exposureMs = 2;
toy.detectMs = 5;
const desk = createScanDesk(toy.options);
const plan = { kind: "serpentine", region: { left: 0, top: 0, width: 700, height: 400 }, overlap: 0.2 } as const;

desk.onChange((record) => {
  if (record === undefined || record.state === "running") return;
  const { state, failure, fieldsDone, fieldsPlanned, counts } = record;
  say({ state, failure: failure?.code, fieldsDone, fieldsPlanned, counts });
  if (failure?.code === "STORE_FULL") setTimeout(() => goOn(record.id), 50);
});

/** As somebody who has made room would. */
const goOn = (scan: string): void => {
  desk.resume(scan).catch((error: { code: string }) => {
    say({ refused: error.code });
    setTimeout(() => goOn(scan), 50);
  });
};

if (id === "") say({ begun: (await desk.start(toyRequest({ plan }))).id });
else {
  say({ found: (await desk.show(id)).fieldsDone });
  await desk.resume(id);
}
