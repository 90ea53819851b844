import type { JobRecord } from "../../../training/jobs/index.js";
import { formatCount } from "../format.js";

const [width, height] = [320, 120];
const margin = { left: 8, right: 8, top: 8, bottom: 8 };

export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly step: number; readonly value: number }[];
}

/** The losses by name, in the order in which the names came. */
export const curvesOf = (losses: JobRecord["losses"]): Curve[] => {
  const curves = new Map<string, { step: number; value: number }[]>();
  for (const { name, step, value } of losses) {
    const points = curves.get(name) ?? [];
    if (Number.isFinite(value)) points.push({ step, value });
    curves.set(name, points);
  }
  return [...curves].map(([name, points]) => ({ name, points }));
};

/** A path through points, in a box of `width` by `height`: the least value at the bottom. */
export const pathOf = (points: Curve["points"]): string => {
  const steps = points.map(({ step }) => step);
  const values = points.map(({ value }) => value);
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const x = (step: number): number =>
    margin.left + ((step - first) / Math.max(1, last - first)) * (width - margin.left - margin.right);
  const y = (value: number): number =>
    height - margin.bottom - ((value - least) / (most - least || 1)) * (height - margin.top - margin.bottom);
  return points
    .map(({ step, value }, at) => `${at === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`)
    .join("");
};

const formatLoss = (value: number): string => value.toPrecision(3);

const CurveFigure = ({ curve: { name, points } }: { curve: Curve }) => {
  const values = points.map(({ value }) => value);
  const newest = points.at(-1);
  if (newest === undefined) return null;
  const text = `${name}: ${formatLoss(newest.value)} at step ${formatCount(newest.step)}, least ${formatLoss(Math.min(...values))}, most ${formatLoss(Math.max(...values))}`;
  return (
    <figure class="curve" data-curve={name}>
      <figcaption>
        <strong>{name}</strong>
        <span class="number">{formatLoss(newest.value)}</span>
        <span class="muted number">step {formatCount(newest.step)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text} preserveAspectRatio="none">
        <path class="curve-line" d={pathOf(points)} />
      </svg>
      <p class="muted curve-limits">
        <span class="number">
          {formatLoss(Math.min(...values))} – {formatLoss(Math.max(...values))}
        </span>
      </p>
    </figure>
  );
};

/** How the losses of a training fell, one small figure a name. */
export const LossCurves = ({ losses }: { losses: JobRecord["losses"] }) => {
  const curves = curvesOf(losses);
  if (curves.length === 0) return <p class="muted">No losses yet.</p>;
  return (
    <div class="curves">
      {curves.map((curve) => (
        <CurveFigure key={curve.name} curve={curve} />
      ))}
    </div>
  );
};
