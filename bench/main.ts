import { parseArgs } from "node:util";
import { accuracyBench } from "./accuracy.js";
import { annotatorsBench } from "./annotatorsBench.js";
import { besideBench } from "./beside.js";
import { calibrationBench } from "./calibration.js";
import { closedLoopBench } from "./closedLoop.js";
import { closingBench } from "./closing.js";
import { type Bench, type BenchContext, type BenchResult, figureTable, NotHere } from "./figures.js";
import { focusBench } from "./focus.js";
import { focusMeasuresBench } from "./focusMeasures.js";
import { fromNothingBench } from "./fromNothing.js";
import { gateBench } from "./gate.js";
import { labelQueriesBench, labelsBench } from "./labels.js";
import { latencyBench } from "./latency.js";
import { machineFacts, machineLine } from "./machine.js";
import { growthBench, memoryBench } from "./memory.js";
import { paintingBench } from "./painting.js";
import { pipelineBench } from "./pipeline.js";
import { quickReport } from "./quick.js";
import { scanBench } from "./scan.js";
import { scanStoppingBench } from "./scanStopping.js";
import { installBench, startupBench } from "./startup.js";
import { trainingBench } from "./trainingBench.js";
import { yoloBench } from "./yolo.js";

/** `npm run bench`: every figure that the project holds itself to, with how it was measured (docs/benchmarks.md). */
const benches: readonly Bench[] = [
  { name: "accuracy", summary: "the detector on the data sets' val splits", run: accuracyBench },
  { name: "annotators", summary: "the detector against labels that were set twice", run: annotatorsBench },
  { name: "pipeline", summary: "frames/s through the daemon against the bare networks", run: pipelineBench },
  { name: "latency", summary: "camera to client, clustering, event-loop lag", run: latencyBench },
  { name: "beside", summary: "capture to client beside a training, over alone", run: besideBench },
  {
    name: "training",
    summary: "training step against the matrix-product peak, PyTorch and TensorFlow",
    run: () => trainingBench({ rounds: 12, pytorch: true }),
  },
  { name: "painting", summary: "a painter's step against the peak, painted fields a second", run: paintingBench },
  { name: "yolo", summary: "fields/s against a YOLOv8n-sized network", run: yoloBench },
  { name: "startup", summary: "npm start to the first counts", run: startupBench },
  { name: "memory", summary: "resident size of the daemon at 1920x1200", run: memoryBench },
  { name: "growth", summary: "its growth over an hour's worth of frames", run: growthBench },
  { name: "closing", summary: "clients that break the protocol are closed", run: closingBench },
  { name: "gate", summary: "the gate against simulated candidates of known truth", run: gateBench },
  {
    name: "closedLoop",
    summary: "stage, camera and counts of the virtual microscope against the truth",
    run: closedLoopBench,
  },
  { name: "scan", summary: "a pipelined scan against the slower of stage and detector alone", run: scanBench },
  {
    name: "scanStopping",
    summary: "the limits at the end of simulated scans against the truth",
    run: scanStoppingBench,
  },
  {
    name: "calibration",
    summary: "where fields are after a calibration, with play and a camera askew",
    run: calibrationBench,
  },
  { name: "focus", summary: "autofocus and focus maps on uneven virtual slides", run: focusBench },
  { name: "focusMeasures", summary: "measures of focus on real fields of known defocus", run: focusMeasuresBench },
  { name: "labels", summary: "intake of labelled fields: acknowledged a second, and how soon", run: labelsBench },
  { name: "labelQueries", summary: "queries over a million labelled fields", long: true, run: labelQueriesBench },
  { name: "install", summary: "npm ci and npm test in a fresh clone", long: true, run: installBench },
  {
    name: "fromNothing",
    summary: "detector in 15 minutes, classifier in 5, scored",
    long: true,
    run: fromNothingBench,
  },
];

const help = `npm run bench -- [NAME...] [--long] [--quick] [--json] [--detector MODEL] [--classifier MODEL]

${benches.map(({ name, summary, long }) => `  ${name.padEnd(12)} ${summary}${long ? " (long: only by name or --long)" : ""}`).join("\n")}

--quick   the five ratios alone, under 60 s on a quiet machine of two cores
--json    one JSON object
MODEL     a folder, a name or name@version; the newest shipped one unless given
`;

type Outcome = BenchResult | { readonly skipped: string };

const runBench = async (bench: Bench, context: BenchContext): Promise<Outcome> => {
  try {
    return await bench.run(context);
  } catch (error) {
    if (error instanceof NotHere) return { skipped: error.message };
    throw error;
  }
};

const print = (lines: readonly string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);

const printOutcome = ({ name, summary }: Bench, outcome: Outcome): void => {
  print(["", `== ${name}: ${summary}`, ""]);
  if ("skipped" in outcome) print([`SKIPPED: ${outcome.skipped}`]);
  else print([...(outcome.text ?? []), ...(outcome.text?.length ? [""] : []), ...figureTable(outcome.figures)]);
};

const chosenBenches = (names: readonly string[], long: boolean): readonly Bench[] => {
  const unknown = names.find((name) => !benches.some((bench) => bench.name === name));
  if (unknown !== undefined) throw new NotHere(`there is no bench ${unknown}\n\n${help}`);
  if (names.length > 0) return benches.filter(({ name }) => names.includes(name));
  return benches.filter((bench) => long || !bench.long);
};

const runAll = async (chosen: readonly Bench[], context: BenchContext, json: boolean): Promise<void> => {
  const machine = machineFacts();
  if (!json) print([machineLine(machine)]);
  const outcomes: Record<string, Outcome> = {};
  for (const bench of chosen) {
    const outcome = await runBench(bench, context);
    outcomes[bench.name] = outcome;
    if (!json) printOutcome(bench, outcome);
  }
  if (json) print([JSON.stringify({ machine, benches: outcomes })]);
  else if (chosen.length > 1) {
    const skipped = benches.filter((bench) => !chosen.includes(bench)).map(({ name }) => name);
    if (skipped.length > 0) print(["", `Not run: ${skipped.join(", ")} (name them, or --long)`]);
  }
};

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      detector: { type: "string" },
      classifier: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { quick, json, long, detector, classifier } = values;
  if (values.help) {
    print([help]);
    return;
  }
  const context = { quick, models: { detector, classifier } };
  if (quick && positionals.length === 0) {
    const report = await quickReport(context);
    print([JSON.stringify(report, null, json ? undefined : 2)]);
    return;
  }
  await runAll(chosenBenches(positionals, long), context, json);
};

try {
  await main();
} catch (error) {
  if (!(error instanceof NotHere)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 64;
}
