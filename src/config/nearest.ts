/**
 * Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps of neighbours that
 * turn `a` into `b`. Linear in memory.
 */
export const editDistance = (a: string, b: string): number => {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(previous[j]! + 1, row[j - 1]! + 1, substitution);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) distance = Math.min(distance, twoBack[j - 2]! + 1);
      row.push(distance);
    }
    twoBack = previous;
    previous = row;
  }
  return previous[b.length]!;
};

const lastSegment = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/**
 * The known key that `path` most likely stands for. A key of the same name elsewhere (`port` for `publication.port`) is as near
 * as a slip of the pen; of those the one that is nearer as a whole, then the earlier one. Undefined where nothing is known.
 */
export const nearestKey = (path: string, known: readonly string[]): string | undefined => {
  const wanted = path.toLowerCase().slice(0, 200);
  let best: { key: string; distance: number; whole: number } | undefined;
  for (const key of known) {
    const candidate = key.toLowerCase();
    const whole = editDistance(wanted, candidate);
    const last = editDistance(lastSegment(wanted), lastSegment(candidate)) + 1;
    const distance = Math.min(whole, last);
    const nearer = best === undefined || distance < best.distance || (distance === best.distance && whole < best.whole);
    if (nearer) best = { key, distance, whole };
  }
  return best?.key;
};
