/**
 * The daemon's options and manners, held to those of git daemon: which
 * repositories a path finds, what it logs, how it starts and ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "../support/test.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { exportOk, smallRepository } from "../support/fixture_small.ts";
import { tryGit } from "../support/git.ts";
import {
  type Daemon,
  daemonCommand,
  eventually,
  freePort,
  runDaemon,
  SERVER,
  startDaemon,
} from "../support/server.ts";
import {
  connects,
  connectWire,
  converse,
  errorLine,
  gitRequest,
  packets,
  parsePackets,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("daemon-test");
const plain = make("plain");
const suffixed = make("suffixed.git");
const worktree = make("worktree/.git");
const both = make("both.git/.git");
// Where several would do, the first in git's order is taken.
const inner = make("choice/.git");
make("choice.git");
const hidden = smallRepository(join(root, "hidden.git"), { label: "hidden" });

after(() => rmSync(root, { recursive: true, force: true }));

describe("the search for a repository", () => {
  const found: readonly (readonly [string, string])[] = [
    ["/plain", plain],
    ["/plain/", plain],
    ["/suffixed", suffixed],
    ["/suffixed.git", suffixed],
    ["/worktree", worktree],
    ["/worktree/.git", worktree],
    ["/both", both],
    ["/both.git", both],
    ["/choice", inner],
  ];
  it("tries <path>/.git, <path>, <path>.git/.git, <path>.git", async () => {
    await withDaemon([`--base-path=${root}`], async (daemon) => {
      for (const [path, main] of found) {
        assert.equal(await headOf(daemon, path), main, path);
      }
      // Not exported; and a path that is an alias of another.
      assert.equal(await headOf(daemon, "/hidden.git"), undefined);
      assert.equal(await headOf(daemon, "/plain//"), undefined);
    });
  });

  it("exports what has no git-daemon-export-ok with --export-all", async () => {
    const args = [`--base-path=${root}`, "--export-all"];
    await withDaemon(args, async (daemon) => {
      assert.equal(await headOf(daemon, "/hidden.git"), hidden.main);
    });
  });

  it("takes exact paths alone with --strict-paths", async () => {
    const args = [
      "--strict-paths",
      join(root, "suffixed.git"),
      join(root, "plain"),
      join(root, "worktree"),
    ];
    await withDaemon(args, async (daemon) => {
      const at = (name: string): Promise<string | undefined> =>
        headOf(daemon, join(root, name));
      assert.equal(await at("suffixed.git"), suffixed);
      assert.equal(await at("plain"), plain);
      assert.equal(await at("suffixed"), undefined);
      assert.equal(await at("plain/"), undefined);
      assert.equal(await at("worktree"), undefined);
      assert.equal(await at("worktree/.git"), undefined);
      assert.equal(await at("both.git/.git"), undefined);
    });
  });

  it("takes directories after --base-path for an allow list", async () => {
    const args = [`--base-path=${root}`, join(root, "plain")];
    await withDaemon(args, async (daemon) => {
      assert.equal(await headOf(daemon, "/plain"), plain);
      assert.equal(await headOf(daemon, "/suffixed.git"), undefined);
    });
  });

  it("takes a whole path too with --base-path-relaxed", async () => {
    const path = join(root, "suffixed.git");
    const args = [`--base-path=${root}`];
    await withDaemon(args, async (daemon) => {
      assert.equal(await headOf(daemon, path), undefined);
    });
    const relaxed = [...args, "--base-path-relaxed"];
    await withDaemon(relaxed, async (daemon) => {
      assert.equal(await headOf(daemon, path), suffixed);
      assert.equal(await headOf(daemon, "/suffixed.git"), suffixed);
    });
  });

  it("sees repositories that come and go", async () => {
    await withDaemon([`--base-path=${root}`], async (daemon) => {
      assert.equal(await headOf(daemon, "/late.git"), undefined);
      const main = make("late.git");
      assert.equal(await headOf(daemon, "/late.git"), main);
      rmSync(join(root, "late.git"), { recursive: true });
      assert.equal(await headOf(daemon, "/late.git"), undefined);
    });
  });
});

describe("the log", () => {
  it("says under --verbose who asks for what, as git does", async () => {
    const args = ["--verbose", `--base-path=${root}`];
    await withDaemon(args, async (daemon) => {
      await daemon.logged("Ready to rumble");
      assert.match(daemon.log(), /^\[\d+\] Ready to rumble\n/);
      await tryGit([
        "-c",
        "protocol.version=2",
        "ls-remote",
        daemon.url("/plain"),
      ]);
      await daemon.logged(/^\[\d+\] Connection from 127\.0\.0\.1:\d+$/m);
      await daemon.logged(
        /^\[\d+\] Extended attribute "host": 127\.0\.0\.1:\d+$/m,
      );
      await daemon.logged(
        /^\[\d+\] Extended attribute "protocol": version=2$/m,
      );
      await daemon.logged(/^\[\d+\] Request upload-pack for '\/plain'$/m);
      await daemon.logged(/^\[\d+\] \[?\d+\]? ?Disconnected$/m);
      await headOf(daemon, "/none");
      await daemon.logged(
        /^\[\d+\] '[^']*\/none' does not appear to be a git repository$/m,
      );
      await daemon.logged(/Disconnected \(with error\)$/m);
    });
  });

  it("says without --verbose only what went wrong", async () => {
    await withDaemon([`--base-path=${root}`], async (daemon) => {
      assert.equal(await headOf(daemon, "/plain"), plain);
      await headOf(daemon, "/../x");
      await daemon.logged(/^\[\d+\] '\/\.\.\/x': aliased$/m);
      await headOf(daemon, "~root/x");
      await daemon.logged(/^\[\d+\] '~root\/x': User-path not allowed$/m);
      await headOf(daemon, "/hidden.git");
      await daemon.logged(
        /^\[\d+\] '[^']*\/hidden\.git': repository not exported\.$/m,
      );
      await converse(daemon.port, [
        gitRequest("/plain", { service: "git-receive-pack" }),
      ]);
      await daemon.logged(
        /^\[\d+\] 'receive-pack': service not enabled for '[^']*\/plain'$/m,
      );
      assert.doesNotMatch(daemon.log(), /Connection from|Request|rumble/);
    });
  });

  it("has what a client sent without its control characters", async () => {
    // git's daemon writes them as they are.
    if (SERVER === "git") return;
    await withDaemon([`--base-path=${root}`, "--verbose"], async (daemon) => {
      await headOf(daemon, "/a\x1b[2Jb\nc");
      await daemon.logged("does not appear");
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(daemon.log(), /\x1b|^c/m);
    });
  });
});

describe("--informative-errors", () => {
  const ask = async (daemon: Daemon, path: string): Promise<string> =>
    errorLine(await converse(daemon.port, [gitRequest(path)])) ?? "";

  it("tells the reasons, and --no-informative-errors does not", async () => {
    const reasons = ["--informative-errors", `--base-path=${root}`];
    await withDaemon(reasons, async (daemon) => {
      assert.equal(await ask(daemon, "/no"), "no such repository: /no");
      assert.equal(
        await ask(daemon, "/hidden.git"),
        "repository not exported: /hidden.git",
      );
    });
    const silent = [...reasons, "--no-informative-errors"];
    await withDaemon(silent, async (daemon) => {
      for (const path of ["/no", "/hidden.git"]) {
        assert.equal(
          await ask(daemon, path),
          `access denied or repository not exported: ${path}`,
        );
      }
    });
  });
});

describe("limits", () => {
  it("--max-connections counts open connections and frees them", async () => {
    const args = ["--max-connections=2", `--base-path=${root}`];
    await withDaemon(args, async (daemon) => {
      const first = await connectWire(daemon.port);
      await first.send(gitRequest("/plain"));
      await first.untilFlush();
      const second = await connectWire(daemon.port);
      await second.send(gitRequest("/plain"));
      await second.untilFlush();
      const third = await connectWire(daemon.port);
      if (SERVER === "ours") {
        // git's daemon kills the newest of a crowded address instead, and
        // drops the newcomer in silence when there is none to kill.
        const line = errorLine(await third.untilClosed());
        assert.match(line ?? "", /too many connections, try later/);
        assert.equal(first.ending, undefined);
        assert.equal(second.ending, undefined);
      }
      third.close();
      first.close();
      second.close();
      await eventually(
        "a place is free again",
        async () => await headOf(daemon, "/plain") === plain,
      );
    });
  });

  it("--timeout ends a session whose client falls silent", async () => {
    const args = ["--timeout=1", `--base-path=${root}`];
    await withDaemon(args, async (daemon) => {
      for (const protocol of [0, 1] as const) {
        const client = await connectWire(daemon.port);
        await client.send(gitRequest("/plain", { protocol }));
        await client.untilFlush();
        await client.untilClosed(8_000);
      }
      const halfway = await connectWire(daemon.port);
      await halfway.send(gitRequest("/plain"));
      await halfway.send(packets(`want ${plain}\n`, "0000"), "0032have");
      await halfway.untilClosed(8_000);
    });
  });

  it("--timeout is also the limit for the request line", async () => {
    const args = ["--timeout=1", `--base-path=${root}`];
    await withDaemon(args, async (daemon) => {
      const client = await connectWire(daemon.port);
      await client.untilClosed(8_000);
    });
  });

  it("--init-timeout ends with the request line", async () => {
    const args = ["--init-timeout=1", `--base-path=${root}`];
    await withDaemon(args, async (daemon) => {
      const client = await connectWire(daemon.port);
      await client.send(gitRequest("/plain"));
      await client.untilFlush();
      // Longer than the limit: the session itself has none.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      assert.equal(client.ending, undefined);
      await client.send("0000");
      await client.untilClosed();
    });
  });
});

describe("the process", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends by ${signal} when it is idle`, async () => {
      const daemon = await startDaemon({ args: [`--base-path=${root}`] });
      daemon.kill(signal);
      assert.deepEqual(await daemon.ended, { code: null, signal });
      assert.ok(!await connects(daemon.port));
    });
  }

  // A session of git's daemon is a process of its own, and outlives it.
  it("lets a running session finish after SIGTERM", async () => {
    const daemon = await startDaemon({ args: [`--base-path=${root}`] });
    const client = await connectWire(daemon.port);
    await client.send(gitRequest("/plain"));
    await client.untilFlush();
    daemon.kill("SIGTERM");
    await eventually(
      "nobody new is let in",
      async () => !await connects(daemon.port),
    );
    client.forget();
    await client.send(packets(`want ${plain} ofs-delta\n`, "0000", "done\n"));
    const answer = await client.untilClosed();
    assert.ok(new TextDecoder("latin1").decode(answer).includes("PACK"));
    assert.deepEqual(await daemon.ended, { code: null, signal: "SIGTERM" });
  });

  // npm passes a terminal's Ctrl-C on, though the terminal reached us too.
  if (SERVER === "ours") {
    it("takes SIGINT that comes twice for one, and says it waits", async () => {
      const daemon = await startDaemon({ args: [root] });
      const client = await connectWire(daemon.port);
      await client.send(gitRequest("/plain"));
      await client.untilFlush();
      daemon.kill("SIGINT");
      daemon.kill("SIGINT");
      await daemon.logged(
        /^Waiting up to 10 s for 1 session; press Ctrl-C again to end now\.$/m,
      );
      client.forget();
      await client.send(packets(`want ${plain} ofs-delta\n`, "0000", "done\n"));
      const answer = await client.untilClosed();
      assert.ok(new TextDecoder("latin1").decode(answer).includes("PACK"));
      assert.deepEqual(await daemon.ended, { code: null, signal: "SIGINT" });
    });
  }

  it("writes its process id, and nothing else, to --pid-file", async () => {
    const file = join(root, "daemon.pid");
    const args = [`--pid-file=${file}`, `--base-path=${root}`];
    await withDaemon(args, async (daemon) => {
      const written = () =>
        existsSync(file) ? readFileSync(file, "latin1") : "";
      // As git's, it is there before anything is in it.
      await eventually("the file is written", () => written() !== "");
      assert.equal(written(), `${daemon.pid}\n`);
    });
  });

  it("takes its port again at once with --reuseaddr", async () => {
    const args = [`--base-path=${root}`];
    const first = await startDaemon({ args });
    // The server closes first here, so that its side waits in TIME_WAIT.
    await converse(first.port, [gitRequest("/none")]);
    await first.stop();
    const second = await startDaemon({ args, port: first.port });
    assert.equal(await headOf(second, "/plain"), plain);
    await second.stop();
  });

  it("listens where --listen says, and nowhere else", async () => {
    await withDaemon([`--base-path=${root}`], async (daemon) => {
      const others = Object.values(networkInterfaces()).flat()
        .filter((each) => each?.family === "IPv4" && !each.internal);
      for (const other of others) {
        const result = await tryGit(
          ["ls-remote", `git://${other?.address}:${daemon.port}/plain`],
          { timeout: 5_000 },
        );
        assert.notEqual(result.code, 0);
      }
      assert.equal(await headOf(daemon, "/plain"), plain);
    });
  });
});

describe("a start that cannot work", () => {
  const run = async (...args: string[]): ReturnType<typeof runDaemon> =>
    await runDaemon(await daemonCommand(), args);

  it("ends with 129 and the usage for an unknown option", async () => {
    const result = await run("--no-such-option");
    assert.equal(result.code, 129);
    assert.match(result.stderr, /usage: /);
    assert.equal(result.stdout, "");
  });

  it("ends with 129 for a port that is no number", async () => {
    assert.equal((await run("--port=x")).code, 129);
  });

  const fatal: readonly (readonly [string[], RegExp])[] = [
    [
      ["--base-path=/no/such/place"],
      /^fatal: base-path '\/no\/such\/place' does not exist or is not a directory$/m,
    ],
    [
      ["--strict-paths"],
      /^fatal: option --strict-paths requires '<directory>' arguments$/m,
    ],
  ];
  for (const [args, words] of fatal) {
    it(`ends with 128 and git's words: ${args.join(" ")}`, async () => {
      const port = await freePort();
      const result = await run("--listen=127.0.0.1", `--port=${port}`, ...args);
      assert.equal(result.code, 128);
      assert.match(result.stderr, words);
    });
  }

  it("ends with 128 when the port is taken", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" ? address?.port ?? 0 : 0);
      });
    });
    const result = await run(
      "--listen=127.0.0.1",
      `--port=${port}`,
      `--base-path=${root}`,
    );
    server.close();
    assert.equal(result.code, 128);
    assert.match(
      result.stderr,
      new RegExp(
        `^fatal: unable to allocate any listen sockets on port ${port}$`,
        "m",
      ),
    );
  });

  // git's daemon knows no nearest name and no other way to start.
  if (SERVER === "ours") {
    it("names the nearest option", async () => {
      const result = await run("--base-paht=x");
      assert.equal(result.code, 129);
      assert.match(result.stderr, /--base-path/);
    });

    it("says what to do when a named directory is missing", async () => {
      const result = await run("--port=0", join(root, "missing"));
      assert.equal(result.code, 128);
      assert.match(result.stderr, /^fatal: /m);
    });
  }
});

// A directory alone, without any of git's path options: ours by design.
if (SERVER === "ours") {
  describe("one directory", () => {
    it("is the base path, and all below it is exported", async () => {
      mkdirSync(join(root, "deep/er"), { recursive: true });
      const deep = smallRepository(join(root, "deep/er/one.git"), {
        label: "deep",
      });
      await withDaemon([root], async (daemon) => {
        assert.equal(await headOf(daemon, "/hidden.git"), hidden.main);
        assert.equal(await headOf(daemon, "/suffixed"), suffixed);
        assert.equal(await headOf(daemon, "/deep/er/one.git"), deep.main);
        await daemon.logged(`git://127.0.0.1:${daemon.port}/`);
      });
    });
  });
}

/** Makes an exported repository below the root; gives its main. */
function make(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  const repository = smallRepository(path, { label: name });
  exportOk(path);
  return repository.main;
}

/** The id of HEAD, or `undefined` when the path is refused. */
async function headOf(
  daemon: Daemon,
  path: string,
): Promise<string | undefined> {
  const answer = await converse(daemon.port, [gitRequest(path), "0000"]);
  const [first] = parsePackets(answer, "lenient");
  return first?.type === "data" && / HEAD\0/.test(first.text)
    ? first.text.slice(0, 40)
    : undefined;
}

async function withDaemon(
  args: readonly string[],
  use: (daemon: Daemon) => Promise<void>,
): Promise<void> {
  const daemon = await startDaemon({ args });
  try {
    await use(daemon);
  } finally {
    await daemon.stop();
  }
}
