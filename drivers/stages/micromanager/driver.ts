import { type StageAxis, type StageDriver, stageAxes } from "../../contract.js";
import { configurationOf, failureOf, leaseBridge } from "../../micromanager/index.js";
import { type MicromanagerStageOptions, manifest } from "./manifest.js";
import { codes, MicromanagerStage } from "./stage.js";

const openTimeoutMs = 10_000;

const isAxis = (name: unknown): name is StageAxis => stageAxes.some((axis) => axis === name);

export const driver: StageDriver<MicromanagerStageOptions> = {
  manifest,
  async open(request) {
    const { options, signal } = request;
    const lease = await leaseBridge(configurationOf(request.source, options), codes, signal);
    try {
      const { xyStage, focus } = options;
      const outcome = await lease.bridge.request("stage.open", { xyStage, focus }, openTimeoutMs);
      if (outcome.state !== "done") throw failureOf(outcome, codes);
      // The camera may keep the bridge: the stage is to be free in it.
      if (signal.aborted) await lease.bridge.request("stage.close", {}, openTimeoutMs);
      signal.throwIfAborted();
      const { axes, device } = outcome.result;
      if (String(device).includes("(DemoCamera ")) {
        request.onNotice?.("The stage is one of Micro-Manager's demo devices: nothing of it is real.");
      }
      return new MicromanagerStage({
        ...{ lease, request },
        axes: Array.isArray(axes) ? axes.filter(isAxis) : [],
        identity: `${String(device)}; ${lease.bridge.version}`,
      });
    } catch (error) {
      await lease[Symbol.asyncDispose]();
      throw error;
    }
  },
};
