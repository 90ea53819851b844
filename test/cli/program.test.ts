import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { generatedDocuments } from "../../src/cli/documents.js";
import { type CommandEntry, createProgram, describeFailure, registerCommands } from "../../src/cli/program.js";
import { CytoError, errorTable, projectRoot } from "../../src/core/index.js";

const fake = (name: string, loaded: string[], ran: string[] = []): CommandEntry => ({
  name,
  load: async () => {
    loaded.push(name);
    return { register: (program: Command) => void program.command(name).action(() => void ran.push(name)) };
  },
});

const quiet = (): Command => createProgram("1.2.3").configureOutput({ writeOut: () => {}, writeErr: () => {} });

describe("the program", () => {
  it("loads no more than the command that is named", async () => {
    const loaded: string[] = [];
    const ran: string[] = [];
    const program = quiet();
    await registerCommands(program, [fake("run", loaded, ran), fake("detect", loaded)], ["--debug", "run", "detect"]);
    await program.parseAsync(["--debug", "run"], { from: "user" });
    expect([loaded, ran]).toEqual([["run"], ["run"]]);
  });

  it.each([[[]], [["--help"]], [["help", "run"]], [["rnu"]]])("loads all of them for %j", async (argv) => {
    const loaded: string[] = [];
    await registerCommands(quiet(), [fake("run", loaded), fake("detect", loaded)], argv);
    expect(loaded).toEqual(["run", "detect"]);
  });

  it("teaches: examples, exit codes, every command", async () => {
    const program = quiet();
    await registerCommands(program, [fake("run", [])], []);
    let text = "";
    program.configureOutput({ writeOut: (part) => (text += part) });
    program.outputHelp();
    for (const words of ["Examples:", "Exit codes", "docs/errors.md", "run"]) expect(text).toContain(words);
    for (const code of new Set(Object.values(errorTable).map((entry) => entry.exitCode))) {
      expect(text, `exit code ${code}`).toMatch(new RegExp(`\\b${code}  ?\\S`));
    }
  });

  it("makes errors of usage exit with 64 and help with 0", async () => {
    const outcome = async (...argv: string[]): Promise<number> => {
      const program = quiet();
      await registerCommands(program, [fake("run", [])], argv);
      return program.parseAsync(argv, { from: "user" }).then(
        () => 0,
        (error: unknown) => describeFailure(error, false).exitCode,
      );
    };
    expect(await outcome("run", "--nonsense")).toBe(64);
    expect(await outcome("nonsense")).toBe(64);
    expect(await outcome("--help")).toBe(0);
    expect(await outcome("--version")).toBe(0);
  });
});

describe("a failure", () => {
  it("is code, message and remedy, and the code's exit code; a stack only for --debug", () => {
    const error = new CytoError("CAMERA_NOT_FOUND", "no camera mirror", { remedy: "Choose one of: virtual." });
    expect(describeFailure(error, false)).toEqual({
      lines: ["CAMERA_NOT_FOUND: no camera mirror", "  Choose one of: virtual."],
      exitCode: 69,
    });
    expect(describeFailure(error, true).lines[2]).toContain("program.test");
    expect(describeFailure(new TypeError("odd"), false)).toMatchObject({
      lines: ["INTERNAL: odd", expect.any(String)],
      exitCode: 70,
    });
    expect(describeFailure("thrown text", false).exitCode).toBe(70);
  });
});

describe("the command line", () => {
  const cytostream = (...argv: string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", join(projectRoot(), "src", "cli", "cytostream.ts"), ...argv], {
      cwd: projectRoot(),
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    });

  it("prints its version", () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot(), "package.json"), "utf8")) as { version: string };
    expect(cytostream("--version")).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("refuses a configuration before anything is opened, on standard error", () => {
    const run = cytostream("run", "--set", "publication.prot=1");
    expect(run).toMatchObject({ status: 78, stdout: "" });
    expect(run.stderr).toMatch(/^CONFIG_UNKNOWN_KEY: publication\.prot .*publication\.port\n {2}\S/);
    expect(run.stderr).not.toContain("    at ");
  });

  it("names the nearest command", () => {
    const run = cytostream("docter");
    expect(run.status).toBe(64);
    expect(run.stderr).toContain("Did you mean doctor?");
  });

  it("lists every command in its help, each with examples of its own", () => {
    const help = cytostream("--help");
    expect(help.status).toBe(0);
    for (const name of ["run", "detect", "evaluate", "train", "models", "doctor"]) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
      expect(cytostream(name, "--help").stdout, name).toContain("Examples:");
    }
  });
});

describe("generated documents", () => {
  it.each([...generatedDocuments()])("%s is as `npm run docs` writes it", (path, text) => {
    expect(readFileSync(join(projectRoot(), path), "utf8")).toBe(text);
  });

  it("name every error code", () => {
    const page = generatedDocuments().get("docs/errors.md") ?? "";
    for (const code of Object.keys(errorTable)) expect(page).toContain(`\`${code}\``);
  });
});
