import { useEffect, useRef, useState } from "preact/hooks";
import type { ScanField, ScanRecord } from "../../../scan/index.js";
import { errorText, get, type Loaded } from "../api.js";

/** Fields asked for at once: some 200 kB. */
const pageLength = 1000;

/**
 * The fields of a scan that are done. Only those that are not there yet are asked for, a page at a time. For one scan: another one needs
 * another component.
 * @param comebacks a change tries again what has failed
 */
export const useFields = ({ id, fieldsDone }: ScanRecord, comebacks: number): Loaded<readonly ScanField[]> => {
  const [fields, setFields] = useState<readonly ScanField[]>([]);
  const [error, setError] = useState<string>();
  const [again, setAgain] = useState(0);
  const loader = useRef({ known: [] as readonly ScanField[], wanted: 0, busy: false, over: false });
  useEffect(() => {
    loader.current.over = false;
    return () => {
      loader.current.over = true;
    };
  }, []);
  useEffect(() => {
    const state = loader.current;
    state.wanted = fieldsDone;
    const load = async (): Promise<void> => {
      while (!state.over && state.known.length < state.wanted) {
        const path = `v1/scans/${encodeURIComponent(id)}/fields?from=${state.known.length}&limit=${pageLength}`;
        const page = await get<ScanField[]>(path);
        if (state.over || page.length === 0) return;
        state.known = [...state.known, ...page];
        setFields(state.known);
        setError(undefined);
      }
    };
    if (state.busy) return;
    state.busy = true;
    load()
      .catch((reason: unknown) => state.over || setError(errorText(reason)))
      .finally(() => {
        state.busy = false;
      });
  }, [id, fieldsDone, comebacks, again]);
  return { value: fields, error, reload: () => setAgain((count) => count + 1) };
};
