import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { commands } from "../../src/cli/commands.js";
import { generatedDocuments } from "../../src/cli/documents.js";
import { type CommandEntry, createProgram, describeFailure, registerCommands } from "../../src/cli/program.js";
import { programVersion } from "../../src/cli/version.js";
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

describe("the commands", () => {
  it("are all in the help, and each teaches by examples of its own", async () => {
    const program = quiet();
    await registerCommands(program, commands, []);
    expect(program.commands.map((command) => command.name())).toEqual(commands.map((command) => command.name));
    for (const command of program.commands) {
      let text = "";
      command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
      expect(command.summary() || command.description(), command.name()).not.toBe("");
      expect(text, command.name()).toContain("Examples:");
    }
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
    expect(cytostream("--version")).toMatchObject({ status: 0, stdout: `${programVersion()}\n`, stderr: "" });
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
