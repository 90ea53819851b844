/** Semantic versioning 2.0.0 (semver.org): `major.minor.patch[-prerelease][+build]`. */
const pattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

export const isVersion = (text: string): boolean => text.length <= 64 && pattern.test(text);

const compareNumerals = (a: string, b: string): number =>
  a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;

const compareIdentifiers = (a: string, b: string): number => {
  const aNumeric = /^\d+$/.test(a);
  const bNumeric = /^\d+$/.test(b);
  if (aNumeric && bNumeric) return compareNumerals(a, b);
  if (aNumeric !== bNumeric) return aNumeric ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
};

const comparePrereleases = (a: string | undefined, b: string | undefined): number => {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  const left = a.split(".");
  const right = b.split(".");
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareIdentifiers(left[i] as string, right[i] as string);
    if (order !== 0) return order;
  }
  return left.length - right.length;
};

/**
 * Precedence of two versions as semver.org defines it: negative where `a` is older. Versions that differ in build
 * metadata alone are equal. What is no version is older than every version.
 */
export const compareVersions = (a: string, b: string): number => {
  const left = pattern.exec(a);
  const right = pattern.exec(b);
  if (!left || !right) return Number(Boolean(left)) - Number(Boolean(right));
  for (let i = 1; i <= 3; i++) {
    const order = compareNumerals(left[i] as string, right[i] as string);
    if (order !== 0) return order;
  }
  return comparePrereleases(left[4], right[4]);
};
