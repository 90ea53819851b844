/** A time of day between two clock times of a zone; equal times mean the whole day. */
export interface TimeWindow {
  /** `HH:MM`; inside from this minute on. */
  readonly from: string;
  /** `HH:MM`; outside from this minute on. */
  readonly to: string;
  /** IANA name; the machine's own where absent. */
  readonly timeZone?: string | undefined;
}

const formats = new Map<string, Intl.DateTimeFormat>();

const formatOf = (timeZone: string | undefined): Intl.DateTimeFormat => {
  const key = timeZone ?? "";
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  formats.set(key, made);
  return made;
};

/** What the clocks of a zone show, minutes since midnight: 0 to 1439. In the hour that autumn repeats, twice the same. */
export const clockMinutes = (atMs: number, timeZone?: string): number => {
  const parts = formatOf(timeZone).formatToParts(atMs);
  const numberOf = (wanted: string): number => Number(parts.find(({ type }) => type === wanted)!.value);
  return 60 * numberOf("hour") + numberOf("minute");
};

const minutesOf = (clockTime: string): number => {
  const [hours = 0, minutes = 0] = clockTime.split(":").map(Number);
  return 60 * hours + minutes;
};

/** Whether the clocks of the window's zone show a time inside it; a window may reach over midnight. */
export const insideWindow = (atMs: number, { from, to, timeZone }: TimeWindow): boolean => {
  const [now, begin, end] = [clockMinutes(atMs, timeZone), minutesOf(from), minutesOf(to)];
  if (begin === end) return true;
  return begin < end ? now >= begin && now < end : now >= begin || now < end;
};
