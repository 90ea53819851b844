const scalar = (value: unknown): string => {
  if (typeof value === "string") return /^[\w.:/@+,-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
};

const pairs = (fields: Record<string, unknown>, prefix = ""): string[] =>
  Object.entries(fields).flatMap(([key, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? pairs(value as Record<string, unknown>, `${prefix}${key}.`)
      : [`${prefix}${key}=${scalar(value)}`],
  );

/** One JSON log line as a line for people: time of day (UTC), level, event, the fields as `key=value`. */
export const formatPretty = (line: string): string => {
  const { level, time, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const timeOfDay = String(time).slice(11, 23);
  return `${[timeOfDay, String(level).toUpperCase().padEnd(5), String(event), ...pairs(fields)].join(" ")}\n`;
};
