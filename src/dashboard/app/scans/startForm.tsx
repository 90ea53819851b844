import { useState } from "preact/hooks";
import type { ScansMessage } from "../../../publication/index.js";
import type { ScanPlan, ScanRecord, ScanRequest } from "../../../scan/index.js";
import { post } from "../api.js";
import { askAuthor } from "../author.js";
import { go } from "../route.js";
import { Refusal } from "./failure.js";
import { emptyForm, type Faults, type FieldName, faultsOf, requestOf, type ScanFields } from "./form.js";

const planTexts: Readonly<Record<ScanPlan["kind"], string>> = {
  serpentine: "Serpentine over a rectangle",
  battlement: "Battlement along the edge",
  monolayer: "Find the monolayer in a rectangle",
  list: "A list of places",
};
const focusTexts: Readonly<Record<ScanRequest["focus"], string>> = {
  map: "By a map, made first",
  each: "Each field for itself",
  none: "Leave it as it is",
};

interface FormProps {
  readonly form: ScanFields;
  readonly faults: Faults;
  /** Stands in for what is left empty. */
  readonly given: Partial<ScanFields>;
  readonly onChange: (change: Partial<ScanFields>) => void;
}

const Fault = ({ name, faults }: { name: FieldName; faults: Faults }) =>
  faults[name] === undefined ? null : (
    <span class="fault" id={`fault-${name}`}>
      {faults[name]}
    </span>
  );

const Input = ({ name, label, form, faults, given, onChange }: FormProps & { name: FieldName; label: string }) => (
  <label>
    <span>{label}</span>
    <input
      {...(name === "slide" ? ({ type: "text", maxLength: 200 } as const) : ({ type: "number", step: "any" } as const))}
      value={form[name]}
      placeholder={given[name] ?? ""}
      aria-label={label}
      aria-invalid={faults[name] !== undefined}
      aria-describedby={faults[name] === undefined ? undefined : `fault-${name}`}
      onInput={(event) => onChange({ [name]: event.currentTarget.value })}
    />
    <Fault {...{ name, faults }} />
  </label>
);

const Choice = ({
  name,
  label,
  texts,
  form,
  onChange,
}: Pick<FormProps, "form" | "onChange"> & {
  name: "plan" | "focus";
  label: string;
  texts: Readonly<Record<string, string>>;
}) => (
  <label>
    {label}
    <select value={form[name]} onChange={(event) => onChange({ [name]: event.currentTarget.value })}>
      {Object.entries(texts).map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  </label>
);

/** What the chosen plan is told by. */
const PlanFields = (props: FormProps) => {
  const { form, faults, onChange } = props;
  if (form.plan === "list")
    return (
      <label>
        <span>Places: x and y, µm, a line each</span>
        <textarea
          rows={5}
          spellcheck={false}
          value={form.places}
          placeholder={"5000, 4000\n5120, 4000"}
          aria-invalid={faults.places !== undefined}
          aria-describedby={faults.places === undefined ? undefined : "fault-places"}
          onInput={(event) => onChange({ places: event.currentTarget.value })}
        />
        <Fault name="places" faults={faults} />
      </label>
    );
  return (
    <>
      <fieldset class="pairs">
        <legend>Rectangle, µm</legend>
        <Input {...props} name="left" label="Left" />
        <Input {...props} name="top" label="Top" />
        <Input {...props} name="width" label="Width" />
        <Input {...props} name="height" label="Height" />
      </fieldset>
      <Input {...props} name="overlapPercent" label="Overlap, %" />
      {form.plan === "battlement" && (
        <fieldset class="pairs">
          <legend>Battlement, in fields</legend>
          <Input {...props} name="fieldsDeep" label="Deep" />
          <Input {...props} name="fieldsBetween" label="Between legs" />
        </fieldset>
      )}
      {form.plan === "monolayer" && <Input {...props} name="coarseFields" label="Fields of the coarse pass, at most" />}
    </>
  );
};

const StopFields = (props: FormProps) => (
  <fieldset>
    <legend>Stop at the first that holds</legend>
    <Input {...props} name="leukocytes" label="Leukocytes" />
    <Input {...props} name="fields" label="Fields" />
    <Input {...props} name="areaMm2" label="Area, mm²" />
    <Input {...props} name="minutes" label="Minutes" />
    <Input {...props} name="limits" label="Limits ±, %" />
  </fieldset>
);

export interface StartFormProps {
  readonly microscope: ScansMessage["microscope"];
  readonly running: boolean;
  /** Nothing that is asked for would be heard. */
  readonly lost: boolean;
  readonly author: string;
}

/** The corner of a rectangle about where the stage stands. */
const cornerAbout = (form: ScanFields, { stage }: StartFormProps["microscope"]): Partial<ScanFields> => {
  const place = stage?.positionUm;
  if (place === undefined) return {};
  const corner = (middle: number, side: string): string => String(Math.round(middle - (Number(side) || 0) / 2));
  return { left: corner(place.x, form.width), top: corner(place.y, form.height) };
};

/** Begins a scan about where the stage stands, unless told otherwise. */
export const StartForm = ({ microscope, running, lost, author }: StartFormProps) => {
  const [form, setForm] = useState(emptyForm);
  const [checked, setChecked] = useState(false);
  const [reason, setReason] = useState<unknown>();
  const given = cornerAbout(form, microscope);
  const whole = { ...form, left: form.left || (given.left ?? ""), top: form.top || (given.top ?? "") };
  // Nobody is told of faults before the first try.
  const faults = checked ? faultsOf(whole) : {};
  const props: FormProps = { form, faults, given, onChange: (change) => setForm({ ...form, ...change }) };
  const start = (event: Event): void => {
    event.preventDefault();
    setChecked(true);
    setReason(undefined);
    if (Object.keys(faultsOf(whole)).length > 0) return;
    if (author.trim() === "") {
      askAuthor();
      return;
    }
    post<ScanRecord>("v1/scans", requestOf(whole, author.trim())).then(({ id }) => {
      setChecked(false);
      go("scans", id);
    }, setReason);
  };
  return (
    <details class="card start-card" open={!running}>
      <summary>
        <h2>New scan</h2>
        {running && <span class="muted">after the one under way</span>}
      </summary>
      <form class="scan-form" onSubmit={start} noValidate>
        <Input {...props} name="slide" label="Slide (no patient's name)" />
        <Choice {...props} name="plan" label="Where to look" texts={planTexts} />
        <PlanFields {...props} />
        <Choice {...props} name="focus" label="Focus" texts={focusTexts} />
        <StopFields {...props} />
        {Object.keys(faults).length > 0 && (
          <p class="failure" role="alert" data-code="REQUEST_INVALID">
            Mend what is marked. (REQUEST_INVALID)
          </p>
        )}
        <Refusal reason={reason} />
        <button type="submit" class="tool primary" disabled={running || lost}>
          Start the scan
        </button>
      </form>
    </details>
  );
};
