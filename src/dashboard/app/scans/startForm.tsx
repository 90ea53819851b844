import { useState } from "preact/hooks";
import type { ScansMessage } from "../../../publication/index.js";
import type { ScanRecord, ScanRequest } from "../../../scan/index.js";
import { errorText, post } from "../api.js";
import { AuthorField, type AuthorFieldProps, askAuthor } from "../author.js";
import { go } from "../route.js";

interface Fields {
  readonly slide: string;
  readonly plan: "serpentine" | "battlement" | "monolayer";
  readonly left: string;
  readonly top: string;
  readonly width: string;
  readonly height: string;
  readonly overlapPercent: string;
  readonly focus: ScanRequest["focus"];
  readonly leukocytes: string;
  readonly limits: string;
  readonly minutes: string;
}

const planTexts = {
  serpentine: "Serpentine over a rectangle",
  battlement: "Battlement along the edge",
  monolayer: "Find the monolayer in a rectangle",
} as const;
const focusTexts = { map: "By a map, made first", each: "Each field for itself", none: "Leave it as it is" } as const;

const given = (text: string): number | undefined => (text.trim() === "" ? undefined : Number(text));

const requestOf = (fields: Fields, by: string): ScanRequest => {
  const [left = 0, top = 0, width = 0, height = 0] = [fields.left, fields.top, fields.width, fields.height].map(Number);
  const within = { region: { left, top, width, height }, overlap: Number(fields.overlapPercent) / 100 };
  const plan =
    fields.plan === "battlement"
      ? { kind: fields.plan, ...within, fieldsDeep: 4, fieldsBetween: 2 }
      : fields.plan === "monolayer"
        ? { kind: fields.plan, ...within, coarseFields: 40 }
        : { kind: fields.plan, ...within };
  const [leukocytes, limits, minutes] = [given(fields.leukocytes), given(fields.limits), given(fields.minutes)];
  const stop = {
    ...(leukocytes === undefined ? {} : { leukocytes }),
    ...(minutes === undefined ? {} : { minutes }),
    ...(limits === undefined ? {} : { limits: { halfWidthPercent: limits, level: 0.95 } }),
  };
  return { slide: fields.slide.trim(), plan, stop, focus: fields.focus, by };
};

/** Begins a scan about where the stage stands, unless told otherwise. */
export const StartForm = ({
  microscope,
  running,
  author,
  onAuthor,
}: AuthorFieldProps & { microscope: ScansMessage["microscope"]; running: boolean }) => {
  const { x = 0, y = 0 } = microscope.stage?.positionUm ?? {};
  const [fields, setFields] = useState<Fields>({
    ...{ slide: "", plan: "serpentine", left: "", top: "", width: "2000", height: "1500" },
    ...{ overlapPercent: "10", focus: "map", leukocytes: "", limits: "", minutes: "" },
  });
  const [error, setError] = useState<string>();
  const shown = {
    ...fields,
    left: fields.left || String(Math.round(x - Number(fields.width) / 2)),
    top: fields.top || String(Math.round(y - Number(fields.height) / 2)),
  };
  const input = (name: keyof Fields, label: string, unit = "") => (
    <label>
      {label}
      <input
        {...(name === "slide"
          ? ({ type: "text", maxLength: 200 } as const)
          : ({ type: "number", step: "any" } as const))}
        value={shown[name]}
        placeholder={unit}
        onInput={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}
      />
    </label>
  );
  const choice = <Name extends "plan" | "focus">(
    name: Name,
    label: string,
    texts: Readonly<Record<string, string>>,
  ) => (
    <label>
      {label}
      <select value={fields[name]} onChange={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}>
        {Object.entries(texts).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
  const start = (event: Event): void => {
    event.preventDefault();
    if (author.trim() === "") {
      askAuthor();
      return;
    }
    post<ScanRecord>("v1/scans", requestOf(shown, author.trim())).then(
      ({ id }) => {
        setError(undefined);
        go("scans", id);
      },
      (reason: unknown) => setError(errorText(reason)),
    );
  };
  return (
    <section class="card" aria-labelledby="start-title">
      <div class="card-head">
        <h2 id="start-title">New scan</h2>
        <div class="head-note">
          <AuthorField author={author} onAuthor={onAuthor} />
        </div>
      </div>
      <form class="scan-form" onSubmit={start}>
        {input("slide", "Slide (no patient's name)")}
        {choice("plan", "Where to look", planTexts)}
        <fieldset>
          <legend>Rectangle, µm</legend>
          {input("left", "Left")}
          {input("top", "Top")}
          {input("width", "Width")}
          {input("height", "Height")}
        </fieldset>
        {input("overlapPercent", "Overlap, %")}
        {choice("focus", "Focus", focusTexts)}
        <fieldset>
          <legend>Enough is known with (any, or none)</legend>
          {input("leukocytes", "Leukocytes")}
          {input("limits", "Limits ±, %")}
          {input("minutes", "Minutes")}
        </fieldset>
        {error !== undefined && (
          <p class="failure" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="tool primary" disabled={running || fields.slide.trim() === ""}>
          Start the scan
        </button>
      </form>
    </section>
  );
};
