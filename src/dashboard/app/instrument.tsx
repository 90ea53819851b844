import type { ComponentChildren } from "preact";
import type { StatusMessage } from "../../publication/index.js";
import { formatCount, formatDuration, formatRate, wordsOf } from "./format.js";

const origins = {
  frame: "told by the camera",
  config: "as configured",
  estimated: "estimated from the red cells",
} as const;

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div class="fact">
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const Model = ({ model }: { model: { name: string; version: string } | undefined }) =>
  model === undefined ? (
    <>none</>
  ) : (
    <>
      {model.name} <span class="muted">{model.version}</span>
    </>
  );

const Drops = ({ drops }: { drops: StatusMessage["drops"] }) => {
  const causes = Object.entries(drops).filter(([, count]) => count > 0);
  if (causes.length === 0) return <>none</>;
  return (
    <ul class="plain">
      {causes.map(([cause, count]) => (
        <li key={cause}>
          {formatCount(count)} <span class="muted">{wordsOf(cause)}</span>
        </li>
      ))}
    </ul>
  );
};

const Quality = ({ quality }: { quality: StatusMessage["quality"] }) => (
  <div class="qualities">
    {Object.entries(quality ?? {}).map(([name, value = 0]) => (
      <label key={name} class="quality">
        <span>{name}</span>
        <meter min={0} max={1} low={0.35} high={0.6} optimum={1} value={value} />
        <span class="number">{Math.round(value * 100)}</span>
      </label>
    ))}
  </div>
);

/** What counts, and how it fares. */
export const InstrumentCard = ({ status }: { status: StatusMessage | undefined }) => (
  <section class="card instrument" aria-labelledby="instrument-title">
    <div class="card-head">
      <h2 id="instrument-title">Instrument</h2>
      <p class="muted head-note">{status === undefined ? "" : `up ${formatDuration(status.uptimeMs)}`}</p>
    </div>
    {status === undefined ? (
      <p class="muted note">Nothing is known yet.</p>
    ) : (
      <>
        <dl class="facts">
          <Fact name="Camera">
            {status.camera.name} <span class="muted source">{status.camera.source}</span>
          </Fact>
          <Fact name="Scale">
            {status.scale === null ? (
              "unknown"
            ) : (
              <>
                {status.scale.umPerPixel.toFixed(4)} µm/px <span class="muted">{origins[status.scale.origin]}</span>
              </>
            )}
          </Fact>
          <Fact name="Detector">
            <Model model={status.models?.detector} />
          </Fact>
          <Fact name="Classifier">
            <Model model={status.models?.classifier} />
          </Fact>
          <Fact name="Runs on">{status.provider ?? "nothing yet"}</Fact>
          <Fact name="Camera rate">{formatRate(status.rates.cameraHz)} /s</Fact>
          <Fact name="Counted">{formatRate(status.rates.detectionHz)} fields/s</Fact>
          <Fact name="Delay">{status.rates.latencyMs === null ? "–" : `${Math.round(status.rates.latencyMs)} ms`}</Fact>
          <Fact name="Not counted">
            <Drops drops={status.drops} />
          </Fact>
        </dl>
        {status.quality !== null && <Quality quality={status.quality} />}
      </>
    )}
  </section>
);
