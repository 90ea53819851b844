const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Thin spaces between thousands: read the same in every country. */
export const formatCount = (value: number): string => whole.format(value).replaceAll(",", "\u202f");

/** A figure with so many decimals that three digits show. */
export const formatRate = (value: number): string =>
  value >= 100 ? formatCount(value) : value.toFixed(value >= 10 ? 1 : 2);

export const formatPercent = (value: number): string => value.toFixed(1);

/** A length on the slide: um below a millimetre, mm above. */
export const formatUm = (um: number): string =>
  Math.abs(um) < 1000 ? `${whole.format(um)} \u00b5m` : `${(um / 1000).toFixed(1)} mm`;

export const formatArea = (mm2: number): string => `${mm2.toFixed(mm2 < 10 ? 2 : 1)} mm\u00b2`;

export const formatDuration = (ms: number): string => {
  const s = Math.floor(ms / 1000);
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor((s % 3600) / 60);
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${s % 60} s` : `${s} s`;
};

/** "replacedByNewer" -> "replaced by newer" */
export const wordsOf = (key: string): string =>
  key
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll(/[_-]+/g, " ")
    .toLowerCase();
