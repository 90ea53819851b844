/** A matrix of `rows` x `columns`, row by row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** The products of the rows of `a` with those of `b`, which have as many columns: a b^T. */
export const timesTransposed = (a: Matrix, b: Matrix): Matrix => {
  const values = new Float64Array(a.rows * b.rows);
  for (let row = 0; row < a.rows; row++)
    for (let column = 0; column < b.rows; column++) {
      const first = row * a.columns;
      const second = column * b.columns;
      let sum = 0;
      for (let index = 0; index < a.columns; index++) sum += a.values[first + index]! * b.values[second + index]!;
      values[row * b.rows + column] = sum;
    }
  return { rows: a.rows, columns: b.rows, values };
};
