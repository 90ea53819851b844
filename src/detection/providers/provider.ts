/** Execution providers of onnxruntime that the detector can run on, the most wished for first. */
export const executionProviders = ["cuda", "dml", "coreml", "webgpu", "cpu"] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

/** What a trial session on one provider came to. */
export interface ProviderTrial {
  readonly provider: ExecutionProvider;
  readonly available: boolean;
  /** Median of the trial network's runs, where it is available. */
  readonly runMs?: number;
  /** Why not, where it is not. */
  readonly reason?: string;
}
