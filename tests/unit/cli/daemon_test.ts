import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../../src/cli/main.ts";
import { banner } from "../../../src/cli/daemon_words.ts";
import { after, before, describe, it } from "../../support/test.ts";
import { FakeProcess } from "./fake_process.ts";

async function fails(args: readonly string[], io = new FakeProcess()) {
  const code = await main(["daemon", ...args], io);
  return { code, error: io.error };
}

describe("gitsrv daemon", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "gitsrv-daemon-"));
  });
  after(() => rmSync(root, { recursive: true }));

  it("serves a welcome repository where there is nothing else", async () => {
    const io = new FakeProcess();
    const running = main(["daemon", "--port=0"], io);
    await io.says("Press Ctrl-C");
    assert.match(
      io.error,
      /^Serving a welcome repository at git:\/\/127\.0\.0\.1:\d+\/ \(read-only\)\n\n {4}git clone git:\/\/127\.0\.0\.1:\d+\/welcome\.git\n/,
    );
    io.signal("SIGTERM");
    assert.equal(await running, 1);
    assert.deepEqual(io.killedBy, ["SIGTERM"]);
  });

  it("is ready to rumble first of all, and writes its pid", async () => {
    const io = new FakeProcess([root]);
    const running = main([
      "daemon",
      "--verbose",
      "--port=0",
      "--pid-file=daemon.pid",
      root,
    ], io);
    await io.says("Press Ctrl-C");
    assert.ok(io.error.startsWith("[4242] Ready to rumble\nServing "));
    assert.equal(io.files.get("/here/daemon.pid"), "4242\n");
    io.signal("SIGINT");
    await running;
    assert.deepEqual(io.killedBy, ["SIGINT"]);
  });

  it("says under git's rules where it listens, and no more", async () => {
    const io = new FakeProcess([root]);
    const running = main(["daemon", "--port=0", `--base-path=${root}`], io);
    await io.says("Serving");
    assert.match(io.error, /^Serving at git:\S+ by git daemon's rules\n$/);
    io.signal("SIGTERM");
    await running;
  });

  it("ends with the command for a first repository", async () => {
    assert.deepEqual(await fails(["./mine/"]), {
      code: 128,
      error:
        "fatal: directory './mine/' does not exist or is not a directory\n" +
        "hint: to make a first repository there:\n" +
        "hint:     git init --bare -b main ./mine/hello.git\n",
    });
  });

  it("ends with git's words for a base path that is missing", async () => {
    assert.deepEqual(await fails(["--base-path=nope"]), {
      code: 128,
      error: "fatal: base-path 'nope' does not exist or is not a directory\n",
    });
  });

  it("ends with git's words for strict paths without directories", async () => {
    assert.deepEqual(await fails(["--strict-paths"]), {
      code: 128,
      error: "fatal: option --strict-paths requires '<directory>' arguments\n",
    });
  });

  it("takes one directory, unless git's rules apply", async () => {
    const { code, error } = await fails(["a", "b"]);
    assert.equal(code, 129);
    assert.match(error, /^error: more than one directory needs --base-path/);
  });

  it("refuses a port that is none", async () => {
    for (const port of ["-1", "65536"]) {
      assert.equal((await fails([`--port=${port}`])).code, 129);
    }
  });

  it("ends with a clear word when the port is taken", async () => {
    const io = new FakeProcess();
    const running = main(["daemon", "--port=0"], io);
    await io.says("Press Ctrl-C");
    const port = /:(\d+)\//.exec(io.error)?.[1];
    assert.deepEqual(await fails([`--port=${port}`]), {
      code: 128,
      error: "[4242] Could not bind to 127.0.0.1: Address already in use\n" +
        `fatal: unable to allocate any listen sockets on port ${port}\n`,
    });
    io.signal("SIGTERM");
    await running;
  });
});

describe("the words at the start", () => {
  const at = { hostname: "127.0.0.1", port: 9418 };

  it("leave the usual port out, and quote what a shell would split", () => {
    const text = banner({
      ...at,
      kind: "directory",
      directory: "./repos",
      example: "my team/it's.git",
    });
    assert.match(text, /^Serving \.\/repos at git:\/\/127\.0\.0\.1\/ \(/);
    assert.ok(
      text.includes("git clone 'git://127.0.0.1/my%20team/it'\\''s.git'\n"),
    );
  });

  it("say how to make a repository where there is none", () => {
    const text = banner({
      ...at,
      kind: "directory",
      directory: "./repos",
      example: undefined,
    });
    assert.ok(text.includes("    git init --bare -b main ./repos/hello.git\n"));
  });

  it("name a host that can be reached, and bracket IPv6", () => {
    const welcome = { kind: "welcome", port: 1 } as const;
    assert.ok(
      banner({ ...welcome, hostname: "0.0.0.0" }).includes(
        "git://localhost:1/",
      ),
    );
    assert.ok(
      banner({ ...welcome, hostname: "fe80::1" }).includes(
        "git://[fe80::1]:1/",
      ),
    );
  });
});
