import { describe, expect, it } from "vitest";
import { CytoError, DisposalStack } from "../../src/core/index.js";

const resource = (name: string, closed: string[]): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    closed.push(name);
  },
});

describe("DisposalStack", () => {
  it("closes in reverse order, each step after the one before has finished", async () => {
    const closed: string[] = [];
    const stack = new DisposalStack();
    stack.use("first", resource("first", closed));
    stack.defer("second", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      closed.push("second");
    });
    stack.use("third", { [Symbol.dispose]: () => void closed.push("third") });
    expect(await stack.close()).toEqual([]);
    expect(closed).toEqual(["third", "second", "first"]);
  });

  it("is idempotent and shares one closing among callers", async () => {
    const closed: string[] = [];
    const stack = new DisposalStack();
    stack.use("only", resource("only", closed));
    await Promise.all([stack.close(), stack.close(), stack[Symbol.asyncDispose]()]);
    await stack.close();
    expect(closed).toEqual(["only"]);
    expect(stack.disposed).toBe(true);
  });

  it("collects errors and goes on", async () => {
    const closed: string[] = [];
    const stack = new DisposalStack();
    stack.use("first", resource("first", closed));
    stack.defer("broken", () => {
      throw new CytoError("CAMERA_OPEN_FAILED", "it will not close");
    });
    stack.defer("foreign", () => Promise.reject(new TypeError("odd")));
    const failures = await stack.close();
    expect(failures.map(({ name, error }) => [name, error.code])).toEqual([
      ["foreign", "INTERNAL"],
      ["broken", "CAMERA_OPEN_FAILED"],
    ]);
    expect(closed).toEqual(["first"]);
    await expect(stack[Symbol.asyncDispose]()).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("does not wait longer than a step's deadline", async () => {
    const closed: string[] = [];
    const stack = new DisposalStack({ stepTimeoutMs: 5 });
    stack.use("first", resource("first", closed));
    stack.defer("hung", () => new Promise<void>(() => {}));
    const failures = await stack.close();
    expect(failures).toMatchObject([{ name: "hung", error: { code: "CLOSE_TIMEOUT" } }]);
    expect(closed).toEqual(["first"]);
  });

  it("refuses resources once it is closed, so that they are not leaked silently", async () => {
    const stack = new DisposalStack();
    await stack.close();
    expect(() => stack.use("late", resource("late", []))).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
  });
});
