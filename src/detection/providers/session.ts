import { InferenceSession } from "onnxruntime-node";
import type { ExecutionProvider } from "./provider.js";

export interface SessionRequest {
  readonly provider: ExecutionProvider;
  /** Threads of onnxruntime inside one run; 0 leaves it to onnxruntime. */
  readonly threads: number;
  /** Refuses a session of which a part would run on the CPU although another provider was asked for. */
  readonly wholly?: boolean;
}

/** Opens an ONNX model on one execution provider. Blocks its thread while it loads. */
export const openSession = (bytes: Uint8Array, request: SessionRequest): Promise<InferenceSession> =>
  InferenceSession.create(bytes, {
    executionProviders: [request.provider],
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    intraOpNumThreads: request.threads,
    interOpNumThreads: 1,
    // Fields come in many sizes: a plan of the memory would be kept for each of them.
    enableMemPattern: false,
    // Its warnings (nodes placed on the CPU, no Vulkan) are no news to the user: the trial reports them.
    logSeverityLevel: 4,
    extra: {
      session: {
        // Threads that spin while they wait for work take the cores from everything else in the process: without it
        // two threads on two cores are about twice as fast (docs/benchmarks.md).
        intra_op: { allow_spinning: "0" },
        ...(request.wholly ? { disable_cpu_ep_fallback: "1" } : {}),
      },
    },
  });
