import { parentPort } from "node:worker_threads";
import { CytoError } from "../../core/index.js";
import { type MaskedFieldsReply, type MaskedFieldsTask, maskFields } from "./maskedFields.js";

/** Entry of a thread that reads fields and makes their masks. */
const port = parentPort;
if (!port) throw new CytoError("INTERNAL", "maskedFieldsWorker runs as a worker thread only");

const answer = async (task: MaskedFieldsTask): Promise<MaskedFieldsReply> => {
  try {
    return { masked: await maskFields(task) };
  } catch (error) {
    const { code, message } = CytoError.from(error);
    return { error: { code, message } };
  }
};

port.on("message", (task: MaskedFieldsTask) => {
  void answer(task).then((reply) => port.postMessage(reply));
});
