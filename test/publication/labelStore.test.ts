import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it, type TestContext } from "vitest";
import { jpegOf, labelOf, openLaboratory, temporaryRoot } from "../labels/smear.js";
import { python, requirePython } from "../requirements.js";
import { connect, openPublication } from "./harness.js";

const opened = async (context: TestContext) => {
  const folder = await temporaryRoot();
  context.onTestFinished(() => folder[Symbol.asyncDispose]());
  const laboratory = await openLaboratory(folder.root);
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await laboratory[Symbol.asyncDispose]();
  };
  context.onTestFinished(close);
  const publication = await openPublication(context, { desks: { labels: laboratory.desk } });
  return { root: folder.root, laboratory, publication, close };
};

describe("labels at the port, kept in the database", () => {
  it("are there after the store was opened anew, each answered one, with its picture", async (context) => {
    const { root, publication, close } = await opened(context);
    const { client, hello } = await connect(context, publication);
    const jpeg = await jpegOf(1);
    const headers = { "content-type": "image/jpeg" };
    const sent = await fetch(`${publication.url}v1/pictures`, { method: "POST", headers, body: new Uint8Array(jpeg) });
    const { sha256 } = (await sent.json()) as { sha256: string };
    const total = 150;
    const ids = Array.from({ length: total }, (_unused, index) => `label-${index}`);
    const send = (id: string): void => client.send({ ...labelOf({ picture: sha256 }), type: "label", id });
    for (const id of ids.slice(0, hello.limits.labelsUnanswered)) send(id);
    const fields = new Map<string, string>();
    for (let next = hello.limits.labelsUnanswered; fields.size < total; next++) {
      const { id, field } = await client.next("labelled");
      fields.set(id, field);
      if (next < total) send(ids[next] ?? "");
    }
    expect([...fields.keys()].sort()).toEqual([...ids].sort());
    const confirmed = await (await fetch(`${publication.url}v1/labels/stats`)).json();
    expect(confirmed).toMatchObject({ fields: { confirmed: total } });
    await publication[Symbol.asyncDispose]();
    await close();
    await using again = await openLaboratory(root);
    for (const [id, field] of fields) {
      expect(await again.desk.submit(labelOf({ picture: sha256, id }))).toMatchObject({ field, repeated: true });
    }
    expect(Buffer.from((await again.desk.picture(sha256))?.bytes ?? []).equals(Buffer.from(jpeg))).toBe(true);
  });

  it.for([
    [
      "a class that does not exist",
      { cells: [{ cellClass: "unicorn", box: { left: 1, top: 1, right: 9, bottom: 9 } }] },
    ],
    ["a negative box", { cells: [{ cellClass: "platelet", box: { left: 9, top: 1, right: 1, bottom: 9 } }] }],
    ["a box outside", { cells: [{ cellClass: "platelet", box: { left: 1, top: 1, right: 900, bottom: 9 } }] }],
    ["a state that does not exist", { state: "perhaps" }],
    ["neither field nor picture", { picture: undefined }],
  ] as const)("%s is refused in the same words over the stream and over HTTP", async ([, more], context) => {
    const { publication, laboratory } = await opened(context);
    const { client } = await connect(context, publication);
    const { sha256 } = await laboratory.desk.addPicture(await jpegOf(1));
    const label = { ...labelOf({ picture: sha256 }), ...more };
    client.send({ type: "label", ...label });
    const error = await client.next("error");
    const answer = await fetch(`${publication.url}v1/labels`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(label),
    });
    expect(error).toMatchObject({ code: "LABEL_INVALID", id: label.id });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { code: "LABEL_INVALID", message: error.message },
    ]);
    expect((await laboratory.desk.stats()).fields.confirmed).toBe(0);
  });
});

/** Another implementation of HTTP, written after docs/protocol.md alone. */
const program = `
import json, sys, urllib.error, urllib.request

base = sys.argv[1]

def ask(method, path, body=None, kind="application/json"):
    request = urllib.request.Request(base + path, data=body, method=method)
    if body is not None:
        request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)

def label(**more):
    return ask("POST", "v1/labels", json.dumps(more).encode())

_, picture = ask("POST", "v1/pictures", sys.stdin.buffer.read(), "application/octet-stream")
box = {"left": 60, "top": 40, "right": 90, "bottom": 70}
cells = [{"cellClass": "neutrophil", "box": box}]
status, first = label(id="py-1", picture=picture["sha256"], cells=cells, state="proposed", author="py")
_, again = label(id="py-1", picture=picture["sha256"], cells=cells, state="proposed", author="py")
_, second = label(id="py-2", field=first["field"], basedOn=1, cells=cells, state="confirmed", author="py")
conflict, refused = label(id="py-3", field=first["field"], basedOn=1, cells=[], state="rejected", author="py")
_, page = ask("GET", "v1/labels?state=confirmed&class=neutrophil")
print(json.dumps({
    "size": [picture["widthPx"], picture["heightPx"]],
    "status": status,
    "repeated": [first["repeated"], again["repeated"]],
    "revisions": [first["revision"], second["revision"]],
    "conflict": [conflict, refused["code"]],
    "listed": [field["field"] == first["field"] for field in page["fields"]],
}))
`;

describe.skipIf(!requirePython())("a Python client over HTTP (needs Python)", () => {
  it("sends a picture, labels it, is told of a conflict, and finds it again", async (context) => {
    const { publication } = await opened(context);
    const child = spawn(python, ["-c", program, publication.url], { stdio: ["pipe", "pipe", "inherit"] });
    context.onTestFinished(() => void child.kill());
    child.stdin.end(await jpegOf(4));
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    await once(child, "close");
    expect(JSON.parse(output)).toEqual({
      size: [160, 120],
      status: 200,
      repeated: [false, true],
      revisions: [1, 2],
      conflict: [409, "LABEL_CONFLICT"],
      listed: [true],
    });
  });
});
