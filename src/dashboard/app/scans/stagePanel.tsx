import { useState } from "preact/hooks";
import type { ScansMessage } from "../../../publication/index.js";
import type { MicroscopeStatus, StageAction } from "../../../scan/index.js";
import { errorText, post } from "../api.js";
import { askAuthor } from "../author.js";
import type { Monitor } from "../useMonitor.js";
import { stopStage } from "./stop.js";

const stateTexts: Readonly<Record<NonNullable<MicroscopeStatus["stage"]>["state"], string>> = {
  opening: "Is being opened",
  ready: "Stands still",
  moving: "Moves",
  homing: "Looks for its origin",
  stopped: "Stopped: nothing moves before it is released",
  alarm: "In alarm: clear the way, then home it",
  reconnecting: "Lost; is being opened again",
  failed: "Failed",
};

const stepSizes = [1, 10, 100, 1000] as const;

const place = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(1));

/** The stage by hand. Stop works whatever else is under way. */
export const StagePanel = ({
  microscope,
  author,
  scanning,
  onAsk,
}: {
  microscope: ScansMessage["microscope"];
  author: string;
  scanning: boolean;
  onAsk: Monitor["ask"];
}) => {
  const { stage, busy, calibration, objective } = microscope;
  const [stepUm, setStep] = useState<number>(100);
  const [told, setTold] = useState<string>();
  const ask = (path: string, body: object, done?: (answer: unknown) => string): void => {
    if (author.trim() === "") {
      askAuthor();
      return;
    }
    setTold(undefined);
    post<unknown>(path, { ...body, by: author.trim() }).then(
      (answer) => setTold(done?.(answer)),
      (error: unknown) => setTold(errorText(error)),
    );
  };
  const act = (action: StageAction): void => ask("v1/microscope/stage", action);
  // Whoever is in a hurry gives no name.
  const stop = (): void => {
    stopStage(onAsk, author.trim() || "dashboard").catch((error: unknown) => setTold(errorText(error)));
  };
  if (stage === null) return null;
  const idle = !scanning && busy === null && stage.state === "ready";
  const jog = (axis: "x" | "y" | "z", sense: 1 | -1, label: string) => (
    <button
      type="button"
      class="tool"
      disabled={!idle || !stage.referenced}
      aria-label={label}
      onClick={() => act({ action: "move", to: { [axis]: sense * stepUm }, relative: true })}
    >
      {label.split(" ").at(-1)}
    </button>
  );
  return (
    <section class="card stage-card" aria-labelledby="stage-title">
      <div class="card-head">
        <h2 id="stage-title">Stage</h2>
        <span class="muted head-note">{stage.name}</span>
      </div>
      <button type="button" class="stop-button" onClick={stop}>
        Stop
      </button>
      <p role="status">
        <strong>
          {busy === "calibrating" ? "Calibrating" : busy === "focusing" ? "Focusing" : stateTexts[stage.state]}
        </strong>
        {stage.failure !== undefined && (
          <span class="failure">
            {" "}
            {stage.failure.message} ({stage.failure.code})
          </span>
        )}
      </p>
      <p class="number">
        x {place(stage.positionUm?.x)} · y {place(stage.positionUm?.y)} · z {place(stage.positionUm?.z)} µm
        {!stage.referenced && <em> – position unknown: home it, or say where it stands</em>}
      </p>
      <fieldset class="jog" aria-label="Move by steps">
        {jog("y", -1, "Up ↑")}
        {jog("x", -1, "Left ←")}
        {jog("x", 1, "Right →")}
        {jog("y", 1, "Down ↓")}
        {jog("z", 1, "Focus z+")}
        {jog("z", -1, "Focus z−")}
        <label>
          Step{" "}
          <select value={stepUm} onChange={(event) => setStep(Number(event.currentTarget.value))}>
            {stepSizes.map((size) => (
              <option key={size} value={size}>
                {size} µm
              </option>
            ))}
          </select>
        </label>
      </fieldset>
      <div class="buttons">
        {stage.state === "stopped" && (
          <button type="button" class="tool primary" onClick={() => act({ action: "release" })}>
            Release
          </button>
        )}
        <button
          type="button"
          class="tool"
          disabled={scanning || busy !== null || stage.state === "stopped"}
          onClick={() => act({ action: "home" })}
        >
          Home
        </button>
        <button
          type="button"
          class="tool"
          disabled={!idle}
          onClick={() => act({ action: "declare", positionUm: { x: 0, y: 0, z: 0 } })}
        >
          Here is 0, 0
        </button>
        <button
          type="button"
          class="tool"
          disabled={!idle || !stage.referenced}
          onClick={() => ask("v1/microscope/focus", {}, () => "In focus.")}
        >
          Autofocus
        </button>
        <button
          type="button"
          class="tool"
          disabled={!idle || !stage.referenced}
          onClick={() => ask("v1/microscope/calibrate", { what: "optics" }, () => "Calibrated.")}
        >
          Calibrate optics
        </button>
        <button
          type="button"
          class="tool"
          disabled={!idle}
          onClick={() => ask("v1/microscope/calibrate", { what: "light" }, () => "The light is evened.")}
        >
          Calibrate light
        </button>
      </div>
      <p class="muted">
        Objective {objective}:{" "}
        {calibration === null
          ? "not calibrated; a scan needs it"
          : `${calibration.umPerPixel.toFixed(4)} µm per pixel, turned by ${calibration.rotationDegrees.toFixed(2)}°`}
      </p>
      {told !== undefined && <p role="alert">{told}</p>}
    </section>
  );
};
