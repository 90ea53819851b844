import type { ScanRecord } from "./desk.js";
import { Mosaic, readRecord, readScan, type ScanCourse, type ScanFolder } from "./record/index.js";

/** A scan that can be looked at. */
export interface OpenScan {
  readonly folder: ScanFolder;
  readonly course: ScanCourse;
  readonly mosaic: Mosaic;
}

/** Scans of which all is in memory, besides the one that runs. */
const mostOpen = 3;

/** Scans read back from the disk, the ones looked at last kept. */
export class OpenScans {
  readonly #tileBytes: number;
  readonly #open = new Map<string, Promise<OpenScan>>();

  constructor(tileBytes: number) {
    this.#tileBytes = tileBytes;
  }

  /** A scan that is in memory already. */
  of(folder: ScanFolder, course: ScanCourse): OpenScan {
    return { folder, course, mosaic: new Mosaic(folder, course, this.#tileBytes) };
  }

  /** Takes one in that has stood still: of what could not be written down, only it knows. */
  keep(scan: OpenScan): void {
    this.#put(scan.folder.id, Promise.resolve(scan));
  }

  /** @throws CytoError SCAN_NOT_FOUND, STORE_DAMAGED, STORE_FAILED */
  get(folder: ScanFolder): Promise<OpenScan> {
    const known = this.#open.get(folder.id);
    const scan = known ?? readScan(folder).then((course) => this.of(folder, course));
    this.#put(folder.id, scan);
    if (known === undefined) scan.catch(() => this.#open.delete(folder.id));
    return scan;
  }

  /** The record of a scan that does not run. @throws CytoError SCAN_NOT_FOUND, STORE_DAMAGED, STORE_FAILED */
  async record(folder: ScanFolder): Promise<ScanRecord> {
    const known = this.#open.get(folder.id);
    return known === undefined ? readRecord(folder) : (await known).course.record(false);
  }

  #put(id: string, scan: Promise<OpenScan>): void {
    this.#open.delete(id);
    this.#open.set(id, scan);
    const oldest = this.#open.keys().next().value;
    if (this.#open.size > mostOpen && oldest !== undefined) this.#open.delete(oldest);
  }
}
