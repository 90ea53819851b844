/** A square of a picture that is resampled to a crop. */
export interface CropSquare {
  /** Index of the picture in its batch. */
  readonly picture: number;
  /** Centre, px of the picture, borders of pixels at whole numbers. */
  readonly x: number;
  readonly y: number;
  /** px of the picture */
  readonly side: number;
}

export interface CropSize {
  /** Side of the pictures, px. */
  readonly picturePx: number;
  /** Side of the crops, px. */
  readonly cropPx: number;
}

/**
 * One axis of a crop as a matrix [cropPx, picturePx] whose rows sum to 1: the live count's resampling, area averages
 * when shrinking and linear interpolation between pixel centres when enlarging, edge pixels repeated beyond the border.
 *
 * @param origin where the crop begins, px of the picture
 * @param side its length, px of the picture
 */
export const axisMatrix = (origin: number, side: number, { picturePx, cropPx }: CropSize): Float32Array => {
  const matrix = new Float32Array(cropPx * picturePx);
  const scale = side / cropPx;
  const last = picturePx - 1;
  const add = (row: number, pixel: number, weight: number) => {
    const at = row * picturePx + Math.min(last, Math.max(0, pixel));
    matrix[at] = matrix[at]! + weight;
  };
  for (let row = 0; row < cropPx; row += 1) {
    const from = origin + row * scale;
    if (scale >= 1) {
      for (let pixel = Math.floor(from); pixel < from + scale; pixel += 1) {
        const covered = Math.min(pixel + 1, from + scale) - Math.max(pixel, from);
        add(row, pixel, covered / scale);
      }
    } else {
      const centre = from + scale / 2 - 0.5;
      const before = Math.floor(centre);
      add(row, before, 1 - (centre - before));
      add(row, before + 1, centre - before);
    }
  }
  return matrix;
};

/** The feeds of a CropSampling for `places` crops of which the first are squares; places left over are blank. */
export const cropMatrices = (
  squares: readonly CropSquare[],
  { places, batch, ...size }: CropSize & { readonly places: number; readonly batch: number },
): { readonly picture: Float32Array; readonly rows: Float32Array; readonly columns: Float32Array } => {
  const length = size.cropPx * size.picturePx;
  const picture = new Float32Array(places * batch);
  const [rows, columns] = [new Float32Array(places * length), new Float32Array(places * length)];
  squares.slice(0, places).forEach((square, place) => {
    picture[place * batch + square.picture] = 1;
    rows.set(axisMatrix(square.y - square.side / 2, square.side, size), place * length);
    columns.set(axisMatrix(square.x - square.side / 2, square.side, size), place * length);
  });
  return { picture, rows, columns };
};
