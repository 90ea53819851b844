import { CytoError } from "../core/index.js";

/** A wheel of the Python package index that is taken apart for its libraries; Python itself never runs it. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  /** Size of what is taken from it, roughly. */
  readonly unpackedMb: number;
}

/** A TensorFlow library and what belongs to it. */
export interface TensorFlowRelease {
  readonly version: string;
  readonly cuda: boolean;
  /** Has libtensorflow_cc.so.2, libtensorflow_framework.so.2 and the C headers. */
  readonly library: Wheel;
  /** CUDA's own libraries, each in a folder below `nvidia/`. */
  readonly nvidia: readonly Wheel[];
}

/** The last release whose wheel for processors is small, and with which the binding was seen to train. */
const processors: TensorFlowRelease = {
  version: "2.15.1",
  cuda: false,
  library: {
    name: "tensorflow-cpu",
    version: "2.15.1",
    sha256: "54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26",
    unpackedMb: 630,
  },
  nvidia: [],
};

const nvidia = (name: string, version: string, unpackedMb: number, sha256: string): Wheel => ({
  name: `nvidia-${name}-cu12`,
  version,
  sha256,
  unpackedMb,
});

/** CUDA 12.5, cuDNN 9.3: the versions that TensorFlow 2.18.1 pins in its extra `and-cuda`. */
const gpus: TensorFlowRelease = {
  version: "2.18.1",
  cuda: true,
  library: {
    name: "tensorflow",
    version: "2.18.1",
    sha256: "c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828",
    unpackedMb: 1210,
  },
  nvidia: [
    nvidia("cublas", "12.5.3.2", 530, "ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b"),
    nvidia("cuda-cupti", "12.5.82", 45, "bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953"),
    nvidia("cuda-nvcc", "12.5.82", 60, "b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0"),
    nvidia("cuda-nvrtc", "12.5.82", 66, "3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd"),
    nvidia("cuda-runtime", "12.5.82", 6, "3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115"),
    nvidia("cudnn", "9.3.0.75", 850, "9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d"),
    nvidia("cufft", "11.2.3.61", 270, "9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8"),
    nvidia("curand", "10.3.6.82", 97, "2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536"),
    nvidia("cusolver", "11.6.3.83", 210, "93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b"),
    nvidia("cusparse", "12.5.1.3", 290, "016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752"),
    nvidia("nccl", "2.21.5", 245, "8579076d30a8c24988834445f8d633c697d42397e92ffc3f63fa26766d25e0a0"),
    nvidia("nvjitlink", "12.5.82", 50, "f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212"),
  ],
};

export const wheelsOf = ({ library, nvidia: others }: TensorFlowRelease): readonly Wheel[] => [library, ...others];

/** @throws CytoError SETUP_FAILED on machines for which no library is known to serve */
export const releaseFor = (
  cuda: boolean,
  { platform, arch }: { readonly platform: string; readonly arch: string } = process,
): TensorFlowRelease => {
  if (platform !== "linux" || arch !== "x64") {
    throw new CytoError("SETUP_FAILED", `No TensorFlow library is known to serve ${platform} on ${arch}`, {
      remedy: "Set it up on Linux on x86-64; everywhere else the engine onnxruntime trains.",
    });
  }
  return cuda ? gpus : processors;
};
