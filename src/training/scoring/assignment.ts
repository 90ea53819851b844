/** A pair that may be matched, at a cost >= 0. */
export interface Edge {
  readonly truth: number;
  readonly found: number;
  readonly cost: number;
}

/**
 * Rows to columns at the least total cost, every row assigned (rows <= columns): the shortest-augmenting-path form of the
 * Hungarian method (Kuhn 1955; Jonker and Volgenant, Computing 38:325-340, 1987). Returns the column of each row.
 */
const solveDense = (costs: readonly Float64Array[], columns: number): Int32Array => {
  const rows = costs.length;
  const rowPrice = new Float64Array(rows + 1);
  const columnPrice = new Float64Array(columns + 1);
  // Row of each column, both counted from 1; column 0 holds the row being assigned.
  const rowOf = new Int32Array(columns + 1);
  const cameFrom = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    rowOf[0] = row;
    let column = 0;
    const slack = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    const done = new Uint8Array(columns + 1);
    do {
      done[column] = 1;
      const from = rowOf[column]!;
      let least = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let other = 1; other <= columns; other++) {
        if (done[other]) continue;
        const reduced = costs[from - 1]![other - 1]! - rowPrice[from]! - columnPrice[other]!;
        if (reduced < slack[other]!) {
          slack[other] = reduced;
          cameFrom[other] = column;
        }
        if (slack[other]! < least) {
          least = slack[other]!;
          next = other;
        }
      }
      for (let other = 0; other <= columns; other++) {
        if (done[other]) {
          rowPrice[rowOf[other]!] = rowPrice[rowOf[other]!]! + least;
          columnPrice[other] = columnPrice[other]! - least;
        } else slack[other] = slack[other]! - least;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[cameFrom[column]!]!;
      column = cameFrom[column]!;
    }
  }
  const columnOf = new Int32Array(rows);
  for (let column = 1; column <= columns; column++) if (rowOf[column]! > 0) columnOf[rowOf[column]! - 1] = column - 1;
  return columnOf;
};

/** Groups edges into connected parts of the graph; parts are assigned independently. */
const componentsOf = (edges: readonly Edge[], truthCount: number, foundCount: number): Edge[][] => {
  const parent = Int32Array.from({ length: truthCount + foundCount }, (_, index) => index);
  const rootOf = (node: number): number => {
    let root = node;
    while (parent[root] !== root) root = parent[root]!;
    while (parent[node] !== root) {
      const above = parent[node]!;
      parent[node] = root;
      node = above;
    }
    return root;
  };
  for (const { truth, found } of edges) parent[rootOf(truth)] = rootOf(truthCount + found);
  const parts = new Map<number, Edge[]>();
  for (const edge of edges) {
    const root = rootOf(edge.truth);
    const part = parts.get(root);
    if (part) part.push(edge);
    else parts.set(root, [edge]);
  }
  return [...parts.values()];
};

const assignComponent = (edges: readonly Edge[], foundOf: Int32Array): void => {
  const [only] = edges;
  if (edges.length === 1) {
    foundOf[only!.truth] = only!.found;
    return;
  }
  const truths = [...new Set(edges.map(({ truth }) => truth))];
  const founds = [...new Set(edges.map(({ found }) => found))];
  const byTruth = truths.length <= founds.length;
  const [rows, columns] = byTruth ? [truths, founds] : [founds, truths];
  // No set of edges costs as much as one pair that is none: as many edges as can be are used, then the cheapest.
  const none = 1 + edges.reduce((sum, { cost }) => sum + cost, 0);
  const costs = rows.map(() => new Float64Array(columns.length).fill(none));
  const rowIndex = new Map(rows.map((node, index) => [node, index]));
  const columnIndex = new Map(columns.map((node, index) => [node, index]));
  for (const { truth, found, cost } of edges) {
    const [row, column] = byTruth ? [truth, found] : [found, truth];
    costs[rowIndex.get(row)!]![columnIndex.get(column)!] = cost;
  }
  solveDense(costs, columns.length).forEach((column, row) => {
    if (costs[row]![column]! >= none) return;
    const [truth, found] = byTruth ? [rows[row]!, columns[column]!] : [columns[column]!, rows[row]!];
    foundOf[truth] = found;
  });
};

/**
 * One-to-one matching over the edges with the greatest number of matches and, among those, the least total cost.
 * Returns for each truth the index of what was found, or -1.
 */
export const assign = (edges: readonly Edge[], truthCount: number, foundCount: number): Int32Array => {
  const foundOf = new Int32Array(truthCount).fill(-1);
  for (const component of componentsOf(edges, truthCount, foundCount)) assignComponent(component, foundOf);
  return foundOf;
};
