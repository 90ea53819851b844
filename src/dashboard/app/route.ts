import { useEffect, useState } from "preact/hooks";

/** The pages, by the part of the address behind `#/`. */
export const pages = ["live", "scans", "labels", "jobs", "models"] as const;
export type Page = (typeof pages)[number];

export interface Route {
  readonly page: Page;
  /** The field or the job that is looked at. */
  readonly item: string | undefined;
}

const decode = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
};

/** The page that an address means; one that means none is the live page. */
export const parseRoute = (hash: string): Route => {
  const [name = "", item] = hash.replace(/^#\/?/, "").split("/");
  const page = pages.find((known) => known === name) ?? "live";
  const known = item === undefined || item === "" || page === "live" ? undefined : decode(item);
  return { page, item: known };
};

export const hrefOf = (page: Page, item?: string): string => {
  if (page === "live") return "#/";
  return item === undefined ? `#/${page}` : `#/${page}/${encodeURIComponent(item)}`;
};

export const go = (page: Page, item?: string): void => {
  window.location.hash = hrefOf(page, item);
};

export const useRoute = (): Route => {
  const [route, setRoute] = useState(() => parseRoute(window.location.hash));
  useEffect(() => {
    const onHash = (): void => setRoute(parseRoute(window.location.hash));
    window.addEventListener("hashchange", onHash);
    return () => window.removeEventListener("hashchange", onHash);
  }, []);
  return route;
};
