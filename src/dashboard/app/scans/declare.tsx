import { useState } from "preact/hooks";
import type { SlidePositionUm } from "../../../scan/index.js";

const numberOf = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

/** Tells a stage that cannot find its origin where it stands. */
export const Declaration = ({
  disabled,
  hasFocus,
  onDeclare,
}: {
  disabled: boolean;
  /** Undefined: not known before the stage knows where it is. */
  hasFocus: boolean | undefined;
  onDeclare: (positionUm: SlidePositionUm) => void;
}) => {
  const [texts, setTexts] = useState({ x: "0", y: "0", z: "" });
  const [x, y] = [numberOf(texts.x), numberOf(texts.y)];
  const z = texts.z.trim() === "" ? undefined : Number(texts.z);
  const fits = [x, y, z ?? 0].every((value) => Number.isFinite(value) && Math.abs(value) <= 1e7);
  const input = (axis: "x" | "y" | "z") => (
    <label>
      {axis}, µm
      <input
        type="number"
        step="any"
        aria-label={`${axis} where it stands, µm`}
        placeholder={axis === "z" ? "as it is" : ""}
        value={texts[axis]}
        onInput={(event) => setTexts({ ...texts, [axis]: event.currentTarget.value })}
      />
    </label>
  );
  const declare = (event: Event): void => {
    event.preventDefault();
    if (fits) onDeclare({ x, y, ...(z === undefined ? {} : { z }) });
  };
  return (
    <details class="declare">
      <summary>Say where it stands</summary>
      <form class="scan-form" onSubmit={declare}>
        <fieldset>
          <legend>The field in view lies at</legend>
          {input("x")}
          {input("y")}
          {hasFocus !== false && input("z")}
        </fieldset>
        <button type="submit" class="tool" disabled={disabled || !fits}>
          It stands here
        </button>
      </form>
    </details>
  );
};
