/** The thread that paints: fields on request, their pixels transferred. */
import { parentPort, workerData } from "node:worker_threads";
import { FieldRenderer } from "./fieldRenderer.js";
import { opticsOptionsSchema, slideOptionsSchema } from "./manifest.js";
import { type RendererSetup, type RenderReply, renderRequestSchema } from "./renderMessages.js";

const port = parentPort;
if (port) {
  const setup = workerData as RendererSetup;
  const renderer = new FieldRenderer(slideOptionsSchema.parse(setup.slide), opticsOptionsSchema.parse(setup.optics));
  port.on("message", (message: unknown) => {
    const { id, position, exposure } = renderRequestSchema.parse(message);
    try {
      const field = renderer.render(position, exposure);
      const reply: RenderReply = { type: "field", id, field };
      port.postMessage(reply, [field.pixels.buffer]);
    } catch (error) {
      const reply: RenderReply = {
        type: "failed",
        id,
        message: error instanceof Error ? error.message : String(error),
      };
      port.postMessage(reply);
    }
  });
  const ready: RenderReply = { type: "ready" };
  port.postMessage(ready);
}
