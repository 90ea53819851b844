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

/** A time of day where it is today, with the day where it is not. */
export const formatTime = (ms: number): string => {
  const date = new Date(ms);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}, ${time}`;
};

export const formatBytes = (bytes: number): string => {
  if (bytes < 1e6) return `${whole.format(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
};

/** Points with their sign: "+3.4", "−0.6". */
export const formatPoints = (value: number): string =>
  `${value > 0 ? "+" : value < 0 ? "\u2212" : ""}${Math.abs(value).toFixed(1)}`;

/** Enough of a long id to tell it from others. */
export const shortId = (id: string): string => (id.length > 16 ? id.slice(0, 8) : id);
