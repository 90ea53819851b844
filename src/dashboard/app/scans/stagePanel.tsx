import { useState } from "preact/hooks";
import type { ScansMessage } from "../../../publication/index.js";
import type { StageAction } from "../../../scan/index.js";
import { ApiError, post } from "../api.js";
import { AuthorField, type AuthorFieldProps, askAuthor } from "../author.js";
import { StaleTag } from "../counts.js";
import type { Monitor } from "../useMonitor.js";
import { Declaration } from "./declare.js";
import { Refusal } from "./failure.js";
import type { Staleness } from "./staleness.js";
import { stopStage } from "./stop.js";
import { stageStateTexts } from "./words.js";

type Microscope = ScansMessage["microscope"];
type Stage = NonNullable<Microscope["stage"]>;

const stepSizes = [1, 10, 100, 1000] as const;

const place = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(1));

type Act = (action: StageAction) => void;

const Jog = ({ disabled, act }: { disabled: boolean; act: Act }) => {
  const [stepUm, setStep] = useState<number>(100);
  const jog = (axis: "x" | "y" | "z", sense: 1 | -1, label: string) => (
    <button
      type="button"
      class="tool"
      {...{ disabled }}
      aria-label={label}
      onClick={() => act({ action: "move", to: { [axis]: sense * stepUm }, relative: true })}
    >
      {label.split(" ").at(-1)}
    </button>
  );
  return (
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
  );
};

const Position = ({
  stage: { positionUm, referenced, state, failure },
  busy,
}: {
  stage: Stage;
  busy: Microscope["busy"];
}) => (
  <>
    <p role="status">
      <strong>
        {busy === "calibrating" ? "Calibrating" : busy === "focusing" ? "Focusing" : stageStateTexts[state]}
      </strong>
      {failure !== undefined && (
        <span class="failure">
          {" "}
          {failure.message} ({failure.code})
        </span>
      )}
    </p>
    <p class="number">
      <span class="figure">
        x {place(positionUm?.x)} · y {place(positionUm?.y)} · z {place(positionUm?.z)} µm
      </span>
      {!referenced && <em> – position unknown: home it, or say where it stands</em>}
    </p>
  </>
);

const calibrationText = ({ calibration, objective }: Microscope): string =>
  calibration === null
    ? `Objective ${objective}: not calibrated; a scan needs it`
    : `Objective ${objective}: ${calibration.umPerPixel.toFixed(4)} µm per pixel, turned by ${calibration.rotationDegrees.toFixed(2)}°`;

export interface StagePanelProps extends AuthorFieldProps {
  readonly microscope: Microscope;
  readonly scanning: boolean;
  readonly stale: Staleness;
  readonly onAsk: Monitor["ask"];
}

/** A stop that did not arrive: what is left is the controller's own switch. */
const notStopped = (reason: unknown): unknown =>
  reason instanceof ApiError && reason.code === "UNREACHABLE"
    ? new ApiError(reason.code, "The stop did not reach the daemon. Use the switch of the stage itself.")
    : reason;

/** What is asked of the stage, and what came of it. */
const useStage = (author: string, onAsk: Monitor["ask"]) => {
  const [told, setTold] = useState<string>();
  const [reason, setReason] = useState<unknown>();
  const ask = (path: string, body: object, done?: string): void => {
    if (author.trim() === "") {
      askAuthor();
      return;
    }
    setTold(undefined);
    setReason(undefined);
    post<unknown>(path, { ...body, by: author.trim() }).then(() => setTold(done), setReason);
  };
  // Whoever is in a hurry gives no name.
  const stop = (): void => {
    stopStage(onAsk, author.trim() || "dashboard").then(
      () => setReason(undefined),
      (why: unknown) => setReason(notStopped(why)),
    );
  };
  return { told, reason, ask, stop };
};

/** The stage by hand. Stop works whatever else is under way. */
export const StagePanel = ({ microscope, author, onAuthor, scanning, stale, onAsk }: StagePanelProps) => {
  const { stage, busy } = microscope;
  const { told, reason, ask, stop } = useStage(author, onAsk);
  if (stage === null) return null;
  const act: Act = (action) => ask("v1/microscope/stage", action);
  const idle = !stale.connection && !scanning && busy === null && stage.state === "ready";
  const old = stale.connection || stale.stage;
  const button = (text: string, enabled: boolean, onClick: () => void) => (
    <button type="button" class="tool" disabled={!enabled} onClick={onClick}>
      {text}
    </button>
  );
  return (
    <section class={old ? "card stage-card stale" : "card stage-card"} aria-labelledby="stage-title">
      <div class="card-head">
        <h2 id="stage-title">Stage</h2>
        <StaleTag stale={old} />
        <span class="muted head-note">{stage.name}</span>
      </div>
      <button type="button" class="stop-button" onClick={stop}>
        Stop
      </button>
      <AuthorField author={author} onAuthor={onAuthor} />
      <Position stage={stage} busy={busy} />
      <Jog disabled={!idle || !stage.referenced} act={act} />
      <div class="buttons">
        {stage.state === "stopped" && (
          <button
            type="button"
            class="tool primary"
            disabled={stale.connection}
            onClick={() => act({ action: "release" })}
          >
            Release
          </button>
        )}
        {button("Home", !stale.connection && !scanning && busy === null && stage.state !== "stopped", () =>
          act({ action: "home" }),
        )}
        {button("Autofocus", idle && stage.referenced, () => ask("v1/microscope/focus", {}, "In focus."))}
        {button("Calibrate optics", idle && stage.referenced, () =>
          ask("v1/microscope/calibrate", { what: "optics" }, "Calibrated."),
        )}
        {button("Calibrate light", idle, () =>
          ask("v1/microscope/calibrate", { what: "light" }, "The light is evened."),
        )}
      </div>
      <Declaration
        disabled={!idle}
        hasFocus={stage.positionUm && stage.positionUm.z !== undefined}
        onDeclare={(positionUm) => act({ action: "declare", positionUm })}
      />
      <p class="muted">{calibrationText(microscope)}</p>
      {told !== undefined && <p role="status">{told}</p>}
      <Refusal reason={reason} />
    </section>
  );
};
