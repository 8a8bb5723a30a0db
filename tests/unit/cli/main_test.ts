import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { main } from "../../../src/cli/main.ts";
import { COMMANDS } from "../../../src/cli/table.ts";
import { AGENT, VERSION } from "../../../src/server/version.ts";
import { describe, it, test } from "../../support/test.ts";
import { FakeProcess } from "./fake_process.ts";

async function run(...args: string[]) {
  const io = new FakeProcess();
  const code = await main(args, io);
  return { code, out: io.out, error: io.error };
}

test("the version is that of deno.json", async () => {
  const url = new URL("../../../deno.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(url, "utf8"));
  assert.equal(VERSION, version);
  assert.equal(AGENT, `gitsrv/${version}`);
  assert.deepEqual(await run("--version"), {
    code: 0,
    out: `gitsrv version ${version}\n`,
    error: "",
  });
});

describe("gitsrv", () => {
  it("shows its commands on standard error without one", async () => {
    const { code, out, error } = await run();
    assert.equal(code, 129);
    assert.equal(out, "");
    for (const { name } of COMMANDS) assert.ok(error.includes(name));
  });

  it("shows its commands on standard output when asked", async () => {
    for (const ask of ["help", "--help", "-h"]) {
      const { code, out } = await run(ask);
      assert.equal(code, 0);
      assert.ok(out.startsWith("usage: gitsrv <command>"));
    }
  });

  it("describes every option of every command, within 80 columns", async () => {
    for (const { name, options } of COMMANDS) {
      const { code, out } = await run("help", name);
      assert.equal(code, 0);
      assert.ok(out.startsWith(`usage: gitsrv ${name} `));
      for (const option of options) assert.ok(out.includes(`--${option.name}`));
      for (const line of out.split("\n")) assert.ok(line.length <= 80, line);
    }
  });

  it("gives the same help by --help, and ends with 129 after -h", async () => {
    const { out } = await run("help", "daemon");
    assert.deepEqual(await run("daemon", "--help"), {
      code: 0,
      out,
      error: "",
    });
    assert.equal((await run("daemon", "-h")).code, 129);
  });

  it("names the nearest command when one is unknown", async () => {
    const { code, error } = await run("deamon");
    assert.equal(code, 1);
    assert.equal(
      error,
      "gitsrv: 'deamon' is not a gitsrv command. See 'gitsrv help'.\n" +
        "\nThe most similar command is\n\tdaemon\n",
    );
    assert.equal((await run("help", "deamon")).code, 1);
  });

  it("ends with 129 and the usage after a wrong option", async () => {
    const { code, error } = await run("serve-command", "--strikt");
    assert.equal(code, 129);
    assert.equal(
      error,
      "error: unknown option `strikt'\n" +
        "hint: the most similar option is --strict\n" +
        "usage: gitsrv serve-command [<options>] [<service> <directory>]\n" +
        "hint: see gitsrv help serve-command\n",
    );
  });
});

describe("gitsrv serve-command", () => {
  it("wants a service and a directory", async () => {
    const wrong = [[], ["git-upload-pack"], ["git-upload-pack", "a", "b"], [
      "git-evil",
      "a",
    ]];
    for (const args of wrong) {
      assert.equal((await run("serve-command", ...args)).code, 129);
    }
  });
});
