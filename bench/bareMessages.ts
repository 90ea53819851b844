/** A field as the networks take it, ready to run. */
export interface BareField {
  readonly field: Uint8Array<ArrayBuffer>;
  readonly shape: readonly [number, number, number, number];
  /** Crops of the leukocytes that the detector finds in it, in the batches in which the daemon names them. */
  readonly crops: readonly { readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number; readonly side: number }[];
}

export interface BareData {
  readonly detectorPath: string;
  /** Without it the crops are left out. */
  readonly classifierPath: string | undefined;
  readonly threads: number;
  readonly fields: readonly BareField[];
}

/** Runs whole rounds over the fields for at least so long, and at least one. */
export interface BareCall {
  readonly forMs: number;
}

export interface BareRun {
  readonly fields: number;
  readonly elapsedMs: number;
  /** Of each field, both networks. */
  readonly fieldMs: readonly number[];
}
