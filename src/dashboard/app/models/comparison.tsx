import type { ClassComparison, GateReport } from "../../../registry/index.js";
import { formatPoints } from "../format.js";
import type { Taxonomy } from "../view.js";

const [width, rowHeight] = [320, 26];

/** Points at both ends of the axis: the same on both sides of zero, so that it stands in the middle. */
export const reachOf = (rows: readonly ClassComparison[]): number => {
  const most = Math.max(1, ...rows.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
  return Math.ceil(most * 1.1);
};

const verdict = ({ low, high }: ClassComparison): "better" | "worse" | "even" =>
  low > 0 ? "better" : high < 0 ? "worse" : "even";

const Interval = ({ row, reach }: { row: ClassComparison; reach: number }) => {
  const x = (points: number): number => width / 2 + (points / reach) * (width / 2 - 6);
  const middle = rowHeight / 2;
  return (
    <svg class={`interval ${verdict(row)}`} viewBox={`0 0 ${width} ${rowHeight}`} aria-hidden="true">
      <line class="interval-zero" x1={width / 2} y1={0} x2={width / 2} y2={rowHeight} />
      <line class="interval-span" x1={x(row.low)} y1={middle} x2={x(row.high)} y2={middle} />
      <line class="interval-end" x1={x(row.low)} y1={middle - 5} x2={x(row.low)} y2={middle + 5} />
      <line class="interval-end" x1={x(row.high)} y1={middle - 5} x2={x(row.high)} y2={middle + 5} />
      <circle cx={x(row.difference)} cy={middle} r={5} />
    </svg>
  );
};

const Row = ({ row, label, reach }: { row: ClassComparison; label: string; reach: number }) => (
  <tr data-class={row.cellClass}>
    <th scope="row">{label}</th>
    <td class="number">
      <strong>{formatPoints(row.difference)}</strong>
    </td>
    <td class="number muted">
      {formatPoints(row.low)} to {formatPoints(row.high)}
    </td>
    <td class="interval-cell">
      <Interval row={row} reach={reach} />
    </td>
  </tr>
);

/** What the gate finds between two models, class by class. */
export const Comparison = ({ report, taxonomy }: { report: GateReport; taxonomy: Taxonomy }) => {
  const { pooled, classes, fields, decision, reasons, alpha } = report;
  const reach = reachOf([pooled, ...classes]);
  return (
    <div class="comparison" data-decision={decision}>
      <p>
        <strong>{report.candidate}</strong> against <strong>{report.active}</strong>:{" "}
        <span class={`state gate-${decision}`}>
          {decision === "promote" ? "The gate would promote it" : "The gate would refuse it"}
        </span>
      </p>
      <ul class="reasons">
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      <table class="plain">
        <caption class="visually-hidden">Difference of P in points, with its interval</caption>
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col" class="number">
              P, points
            </th>
            <th scope="col" class="number">
              Interval
            </th>
            <th scope="col" class="interval-cell">
              Worse · better
            </th>
          </tr>
        </thead>
        <tbody>
          <Row row={pooled} label="All" reach={reach} />
          {classes.map((row) => (
            <Row
              key={row.cellClass}
              row={row}
              label={taxonomy.get(row.cellClass)?.label ?? row.cellClass}
              reach={reach}
            />
          ))}
        </tbody>
      </table>
      <p class="muted note">
        {fields.validation} frozen validation fields and {fields.old} old ones; level of this test{" "}
        {alpha.toPrecision(2)}, so that all tests of a year keep theirs.
      </p>
    </div>
  );
};
