import { readFileSync } from "node:fs";
import type { WebSocket } from "ws";
import { ChildDaemon } from "./childDaemon.js";
const seconds = Number(process.argv[2]); const settings = process.argv.slice(3);
await using daemon = await ChildDaemon.start({ settings });
const socket: WebSocket = await daemon.connect();
const listens = (performance.now() - daemon.startedMs) / 1000;
let first: number | undefined; let fields = 0; let camHz = 0;
socket.on("message", (data: Buffer, isBinary: boolean) => { if (isBinary) return; const m = JSON.parse(data.toString()); if (m.type === "counts" && m.fields.counted > 0) { fields = m.fields.counted; first ??= (performance.now() - daemon.startedMs) / 1000; } if (m.type==="status") camHz = m.rates.cameraHz; });
socket.send(JSON.stringify({ type: "subscribe", topics: ["counts", "status"] }));
const pid = daemon.pid;
const rss = () => { const t = readFileSync(`/proc/${pid}/status`, "utf8"); return [/VmRSS:\s+(\d+)/.exec(t)![1]!, /VmHWM:\s+(\d+)/.exec(t)![1]!].map((k) => Math.round(+k / 1024)); };
const cpuS = () => { const f = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" "); return (+f[11]! + +f[12]!) / 100; };
for (let k = 0; k < seconds; k += 5) { await new Promise((r) => setTimeout(r, 5000)); console.log("t", k + 5, "rss/peak", rss().join("/"), "fields", fields, "cameraHz", camHz, "cpu s", cpuS().toFixed(1)); }
console.log("listens", listens.toFixed(2), "first counts", first?.toFixed(2));
socket.terminate();
