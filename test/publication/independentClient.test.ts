import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { python, requirePython } from "../requirements.js";
import { openPublication, streamUrl } from "./harness.js";
import { sampleCounts, sampleFrameInput } from "./samples.js";

const available = requirePython("websockets");

/** Another implementation of WebSocket, written after docs/protocol.md alone. */
const program = `
import asyncio, json, struct, sys, websockets

async def main(url):
    async with websockets.connect(url) as stream:
        hello = json.loads(await stream.recv())
        await stream.send(json.dumps({"type": "subscribe", "topics": ["counts", "frames"], "options": {"frames": {"cells": True}}}))
        seen = {"hello": hello["protocol"]}
        while "counts" not in seen or "frame" not in seen:
            message = await stream.recv()
            if isinstance(message, bytes):
                (length,) = struct.unpack(">I", message[:4])
                header = json.loads(message[4:4 + length])
                jpeg = message[4 + length:4 + length + header["picture"]["bytes"]]
                seen["frame"] = {"magic": jpeg[:2].hex(), "total": header["total"]}
            else:
                parsed = json.loads(message)
                if parsed["type"] == "counts":
                    seen["counts"] = parsed["fields"]["counted"]
        print(json.dumps(seen), flush=True)
        try:
            await stream.recv()
        except websockets.ConnectionClosed as closed:
            print(json.dumps({"closed": closed.rcvd.code}), flush=True)

asyncio.run(main(sys.argv[1]))
`;

describe.skipIf(!available)("a Python client (needs Python's websockets)", () => {
  it("reads counts and frames, and is told when the daemon goes", async (context) => {
    const publication = await openPublication(context);
    publication.publish(sampleCounts(42));
    publication.publish(sampleFrameInput(1, 320, 240));
    const child = spawn(python, ["-c", program, streamUrl(publication)], { stdio: ["ignore", "pipe", "inherit"] });
    context.onTestFinished(() => void child.kill());
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const seen = await lines.next();
    expect(JSON.parse(seen.value ?? "null")).toEqual({ hello: 1, counts: 42, frame: { magic: "ffd8", total: 60 } });
    await publication[Symbol.asyncDispose]();
    const end = await lines.next();
    expect(JSON.parse(end.value ?? "null")).toEqual({ closed: 1001 });
  });
});
