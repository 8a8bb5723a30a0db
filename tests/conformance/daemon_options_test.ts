/**
 * Every option of git daemon that is not about limits, held to git daemon's
 * own: the same command lines, the same requests, the same hooks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { exportOk, smallRepository } from "../support/fixture_small.ts";
import { gitHome, gitSync, tryGit } from "../support/git.ts";
import {
  type Daemon,
  daemonCommand,
  type DaemonOptions,
  eventually,
  runDaemon,
  type ServerKind,
  startDaemon,
} from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";
import { withRelay } from "../support/relay.ts";
import {
  converse,
  errorLine,
  gitRequest,
  parsePackets,
  pkt,
} from "../support/wire_client.ts";

const root = temporaryDirectory("daemon-options");
const KINDS: readonly ServerKind[] = ["git", "ours"];

after(() => rmSync(root, { recursive: true, force: true }));

function make(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  const repository = smallRepository(path, { label: name });
  exportOk(path);
  return repository.main;
}

make("v/localhost/a.git");
make("v/127.0.0.1/a.git");
make("v/localhost:99/a.git");
make("v/exam.ple/a.git");
const plain = make("plain/a.git");
make("plain/on.git");
make("plain/off.git");
for (const [name, value] of [["on", "true"], ["off", "false"]] as const) {
  gitSync(["config", "daemon.uploadpack", value], {
    cwd: join(root, `plain/${name}.git`),
  });
}

/** As the system knows us: not every runtime asks it. */
function whoWeAre(): { username: string; homedir: string } {
  const script = "id -un; eval echo ~$(id -un)";
  const { stdout } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
  const [username = "", homedir = ""] = stdout.split("\n");
  return { username, homedir };
}

/** What a client gets: the id of HEAD, or why not. */
async function answer(daemon: Daemon, request: Uint8Array): Promise<string> {
  const bytes = await converse(daemon.port, [request, "0000"]);
  const [first] = parsePackets(bytes, "lenient");
  if (first === undefined) return "nothing";
  return errorLine(bytes) ??
    (first.type === "data" ? first.text.slice(0, 40) : first.type);
}

async function withDaemon<T>(
  options: DaemonOptions,
  use: (daemon: Daemon) => Promise<T>,
): Promise<T> {
  const daemon = await startDaemon(options);
  try {
    return await use(daemon);
  } finally {
    await daemon.stop();
  }
}

/** Asks git daemon and ours the same, and compares. */
async function compare(
  args: readonly string[],
  requests: ReadonlyMap<string, Uint8Array>,
  env: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, string>> {
  const [git, ours] = await Promise.all(
    KINDS.map((kind) =>
      withDaemon({ args: ["--informative-errors", ...args], env, kind }, async (
        daemon,
      ) => {
        const answers = new Map<string, string>();
        for (const [name, request] of requests) {
          answers.set(name, await answer(daemon, request));
        }
        return answers;
      })
    ),
  );
  assert.deepEqual(ours, git, args.join(" "));
  return ours as Map<string, string>;
}

function asking(paths: readonly string[]): Map<string, Uint8Array> {
  return new Map(paths.map((path) => [path, gitRequest(path)]));
}

describe("a command line that cannot work", () => {
  const lines: readonly string[] = [
    "--bogus",
    "--port=x",
    "--inetd --log-destination=stderr --detach",
    "--inetd --log-destination=stderr --user=x",
    "--inetd --log-destination=stderr --port=1",
    "--inetd --log-destination=stderr --listen=x",
    "--group=g",
    "--user=no-such-user",
    "--user=root --group=no-such-group",
    "--enable=x",
    "--disable=",
    "--allow-override=git-upload-pack",
    "--forbid-override=x",
    "--log-destination=x",
    "--log-destination=none --strict-paths",
    "--inetd --log-destination=stderr --base-path=/no/such",
    "--listen=no.such.host.invalid --base-path=/ --port=1",
    "--pid-file=/no/such --listen=127.0.0.1 --base-path=/ --port=0",
  ];
  it("ends with git's exit code and words", async () => {
    for (let at = 0; at < lines.length; at += 3) {
      await Promise.all(
        lines.slice(at, at + 3).map(async (line) => {
          const [git, ours] = await Promise.all(KINDS.map(async (kind) => {
            const command = await daemonCommand(kind);
            const { code, stdout, stderr } = await runDaemon(
              command,
              line.split(" "),
            );
            // Everyone's usage is their own.
            const said = code === 129
              ? stderr.replace(/^(?:error: .*\n)?usage: [^]*/, "usage")
              : stderr.replace(/^\[\d+\]/gm, "[pid]");
            // git daemon says twice that its one host has no address.
            return {
              code,
              stdout,
              stderr: said.replace(/^.*for host.*\n/m, ""),
            };
          }));
          assert.deepEqual(ours, git, line);
        }),
      );
    }
  });

  it("ends with what is not ours", async () => {
    const command = await daemonCommand("ours");
    const serve = await runDaemon(command, ["--serve"]);
    assert.equal(serve.code, 129);
    assert.match(serve.stderr, /`serve' is internal to git daemon; /);
  });
});

describe("--inetd", () => {
  it("serves the connection on stdin and stdout", async () => {
    const { program, args } = await daemonCommand("ours");
    const script = join(root, "inetd");
    const log = join(root, "inetd.log");
    const words = [program, ...args].map((word) => `'${word}'`).join(" ");
    writeFileSync(
      script,
      `#!/bin/sh\nexport REMOTE_ADDR=192.0.2.7 REMOTE_PORT=77\n` +
        `export DENO_DIR='${process.env.DENO_DIR ?? deno()}'\n` +
        `exec ${words} --inetd --log-destination=stderr --verbose ` +
        `--base-path='${root}' 2>>'${log}'\n`,
    );
    chmodSync(script, 0o755);
    for (const protocol of [0, 1, 2] as const) {
      const target = join(root, `clone-${protocol}`);
      const result = await tryGit([
        ...["-c", `core.gitProxy=${script}`],
        ...["clone", "-q", "git://here/plain/a.git", target],
      ], { protocol });
      assert.deepEqual([result.code, result.stderr], [0, ""]);
    }
    const said = readFileSync(log, "latin1").split("\n");
    assert.match(said[0] ?? "", /^\[\d+\] Connection from 192\.0\.2\.7:77$/);
    assert.match(said[1] ?? "", /^\[\d+\] Extended attribute "host": here$/);
  });

  it("ends with git's exit code where it refuses", async () => {
    const input = join(root, "request");
    writeFileSync(input, gitRequest("/none", { host: "x" }));
    const ends = await Promise.all(KINDS.map(async (kind) => {
      const { program, args } = await daemonCommand(kind);
      const words = [program, ...args].map((word) => `'${word}'`).join(" ");
      return await runDaemon({ program: "/bin/sh", args: ["-c"] }, [
        `exec ${words} --inetd --log-destination=none --base-path='${root}' ` +
        `< '${input}'`,
      ]);
    }));
    assert.deepEqual(ends[1], ends[0]);
    assert.equal(ends[1]?.code, 255);
  });
});

function deno(): string {
  return join(
    process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "/", ".cache"),
    "deno",
  );
}

describe("--interpolated-path", () => {
  const hosts: readonly string[] = [
    ...["", "localhost", "LOCALhost:99", "[localhost]:99", "[::1]"],
    ...["../plain", "..", ".localhost.", "exam..ple", "e/x/a/m.p/le"],
    ...["localhost:../99", "no.such.host.invalid", "-h", "%H", "%D", "~root"],
    ...["a\x1b[2Jb", "h".repeat(5000), "127.0.0.1:%P", "a b", "localhost\nx"],
  ];
  const requests = new Map(
    hosts.map((host) => [host, gitRequest("/a.git", { host })]),
  );
  requests.set("no host", pkt("git-upload-pack /a.git\0"));
  requests.set("aliased", gitRequest("//a.git", { host: "localhost" }));
  requests.set(
    "a protocol alone",
    pkt("git-upload-pack /a.git\0\0version=1\0"),
  );

  it("finds what git finds with each letter", async () => {
    const templates = ["%H%D", "%CH/%D", "%IP%D", "%H:%P%D", "%%H%Q%D"];
    await Promise.all(templates.map(async (template) => {
      const path = `--interpolated-path=${root}/v/${template}`;
      const answers = await compare([path], requests);
      const found = [...answers.values()].filter((each) =>
        /^[0-9a-f]{40}$/.test(each)
      );
      assert.equal(found.length > 0, template !== "%%H%Q%D", template);
    }));
  });

  it("takes precedence over the base path, and keeps to the list", async () => {
    await compare([
      `--interpolated-path=${root}/v/%H%D`,
      `--base-path=${root}/plain`,
      "--base-path-relaxed",
      join(root, "v/localhost"),
      join(root, "plain"),
    ], requests);
  });
});

describe("--user-path", () => {
  const home = join(root, "home");
  make("home/a.git");
  make("home/pub/b.git");
  const { username, homedir } = whoWeAre();
  const away = homedir.split("/").filter((part) => part !== "")
    .map(() => "..").join("/") + root;
  const paths = [
    ...["~/a.git", "~/a", "~/b.git", "~/pub/b.git", "~", "~no-such/a.git"],
    ...["~0/a.git", "~-x/a.git", "~/../a.git", "~//a.git", "~/./a.git"],
    ...[`~${username}/plain/a.git`, `~${username}/none`, "/plain/a.git"],
    `~/${"a".repeat(4090)}`,
  ];
  const variants: readonly (readonly string[])[] = [
    [],
    ["--user-path"],
    ["--user-path=pub"],
    [`--user-path=${away}`],
    ["--user-path=pub/b.git", "~/pub"],
    ["--user-path", `--base-path=${root}`],
  ];
  it("finds what git finds", async () => {
    await Promise.all(
      variants.map((args) => compare(args, asking(paths), { HOME: home })),
    );
  });

  it("finds anything at all", async () => {
    const path = `~${username}/plain/a.git`;
    const [own, named] = await Promise.all([
      compare(["--user-path=a.git"], asking(["~"]), { HOME: home }),
      compare([`--user-path=${away}`], asking([path])),
    ]);
    // "~/a.git" counts as aliased, so that this is all that "~" is good for.
    assert.match(own.get("~") ?? "", /^[0-9a-f]{40}$/);
    assert.equal(named.get(path), plain);
  });
});

describe("services", () => {
  const variants: readonly (readonly string[])[] = [
    [],
    ["--disable=upload-pack"],
    ["--disable=upload-pack", "--enable=upload-pack"],
    ["--disable=upload-pack", "--forbid-override=upload-pack"],
    ["--forbid-override=upload-pack"],
    ["--forbid-override=upload-pack", "--allow-override=upload-pack"],
  ];
  it("are offered as git daemon offers them", async () => {
    const requests = asking(["/a.git", "/on.git", "/off.git", "/none"]);
    for (const path of ["/a.git", "/none"]) {
      requests.set(
        `push ${path}`,
        gitRequest(path, { service: "git-receive-pack" }),
      );
    }
    await Promise.all(
      variants.map((args) =>
        compare([`--base-path=${root}/plain`, ...args], requests)
      ),
    );
  });
});

describe("--access-hook", () => {
  const record = join(root, "hook.record");
  const hook = join(root, "hook");
  writeFileSync(
    hook,
    `#!/bin/sh
{
  for word; do echo "[$word]"; done
  echo "$REMOTE_ADDR" "\${REMOTE_PORT:+port}" "$GIT_DIR"
  pwd
  test -t 0 || cat
} >'${record}'
case $2 in
*/on.git) exit 0 ;;
*/off.git) printf ' \\n  go \\033[2Jaway \\nsecond\\n'; exit 3 ;;
*) exit 1 ;;
esac
`,
  );
  chmodSync(hook, 0o755);
  const args = [`--base-path=${root}/plain`, `--access-hook=${hook}`];
  const enable = ["--forbid-override=upload-pack"];

  it("is told what git tells it, and decides", async () => {
    const seen: string[][] = [];
    for (const kind of KINDS) {
      await withDaemon(
        { args: [...args, ...enable, "--informative-errors"], kind },
        async (daemon) => {
          const told: string[] = [];
          for (const path of ["/on", "/off", "/a", "/none"]) {
            rmSync(record, { force: true });
            const request = gitRequest(path, { host: "LocalHost:9" });
            const line = await answer(daemon, request);
            told.push(
              kind === "git" ? line.replace("\x1b", "\\x1b") : line,
              existsSync(record) ? readFileSync(record, "latin1") : "not run",
            );
          }
          seen.push(told);
        },
      );
    }
    assert.deepEqual(seen[1], seen[0]);
    assert.equal(seen[1]?.[2], "go \\x1b[2Jaway : /off");
    assert.equal(seen[1]?.[7], "not run");
  });

  it("keeps its words where errors are not informative", async () => {
    await withDaemon({ args: [...args, ...enable], kind: "ours" }, async (
      daemon,
    ) => {
      assert.equal(
        await answer(daemon, gitRequest("/off")),
        "access denied or repository not exported: /off",
      );
    });
  });

  it("refuses where it cannot be started", async () => {
    const missing = [...args, `--access-hook=${root}/no-hook`];
    const requests = asking(["/on", "/a"]);
    const answers = await compare(missing, requests);
    assert.equal(answers.get("/on"), "service rejected: /on");
    await withDaemon({ args: missing, kind: "ours" }, async (daemon) => {
      await answer(daemon, gitRequest("/on"));
      await daemon.logged(
        `daemon access hook '${root}/no-hook' failed to start`,
      );
    });
  });
});

describe("the log", () => {
  it("goes nowhere with --log-destination=none", async () => {
    const args = ["--log-destination=none", `--base-path=${root}`, "--verbose"];
    await withDaemon({ args, kind: "ours" }, async (daemon) => {
      assert.equal(
        await answer(daemon, gitRequest("/none")),
        "access denied or repository not exported: /none",
      );
      await daemon.stop();
      assert.equal(daemon.log(), "");
    });
  });

  // A stand-in for logger, which dies when it is told of one path.
  const tools = temporaryDirectory("tools");
  const kept = join(root, "syslog");
  writeFileSync(
    join(tools, "logger"),
    `#!/bin/sh\necho "start $*" >>'${kept}'\nwhile read -r line; do\n` +
      `  echo "$line" >>'${kept}'\n` +
      `  case $line in *deadly*) exit 1 ;; esac\ndone\n`,
  );
  chmodSync(join(tools, "logger"), 0o755);
  const env = { PATH: `${tools}${delimiter}${process.env.PATH}` };

  it("goes to logger with --syslog, which may die", async () => {
    const args = ["--syslog", "--verbose", `--base-path=${root}`];
    const said = () => existsSync(kept) ? readFileSync(kept, "latin1") : "";
    await withDaemon({ args, env, kind: "ours" }, async (daemon) => {
      await eventually("it is ready", () => said().includes("rumble"));
      assert.match(
        said(),
        /^start -t gitsrv\[\d+\] -p daemon\.info --prio-prefix\n<30>Ready to/,
      );
      await answer(daemon, gitRequest("/deadly"));
      await eventually(
        "another is started",
        async () => {
          await answer(daemon, gitRequest("/none"));
          return said().split("start ").length > 2;
        },
      );
      await eventually(
        "it has the error",
        () => /<27>\[\d+\] '.*\/none' does not appear to be/.test(said()),
      );
      assert.equal(await answer(daemon, gitRequest("/plain/a.git")), plain);
      await daemon.stop();
      // Machines that tests run on may have no log.
      assert.match(daemon.log(), /^(warning: there is no \/dev\/log: .+\n)?$/);
    });
  });

  it("has why the daemon ends, which ends with git's code", async () => {
    rmSync(kept, { force: true });
    const { program, args } = await daemonCommand("ours");
    const result = await runDaemon({
      program: "/usr/bin/env",
      args: [`PATH=${env.PATH}`, program, ...args],
    }, ["--inetd", "--base-path=/no/such"]);
    assert.deepEqual([result.code, result.stderr], [1, ""]);
    assert.match(readFileSync(kept, "latin1"), /<27>base-path '\/no\/such' /);
  });
});

describe("--detach", () => {
  it("leaves a daemon behind, and says what it serves", async () => {
    const command = await daemonCommand("ours");
    const pidFile = join(root, "detached.pid");
    const options = [
      ...["--detach", "--log-destination=none", "--listen=127.0.0.1"],
      ...[
        "--port=0",
        "--no-http",
        `--pid-file=${pidFile}`,
        join(root, "plain"),
      ],
    ];
    const result = await runDaemon(command, options);
    const pid = Number(readFileSync(pidFile, "latin1"));
    try {
      assert.equal(result.code, 0, result.stderr);
      const port = Number(/:(\d+)\/ \(/.exec(result.stderr)?.[1]);
      assert.ok(result.stderr.includes(`to stop it: kill ${pid}\n`));
      const listed = await tryGit([
        "ls-remote",
        `git://127.0.0.1:${port}/a.git`,
        "HEAD",
      ]);
      assert.equal(listed.stdout, `${plain}\tHEAD\n`);
    } finally {
      process.kill(pid, "SIGTERM");
    }
    await eventually("it has ended", () => !isAlive(pid));
  });

  it("says why there is none", async () => {
    const command = await daemonCommand("ours");
    const result = await runDaemon(command, [
      ...["--detach", "--log-destination=none", "--port=0"],
      "--base-path=/no/such",
    ]);
    assert.deepEqual([result.code, result.stderr], [
      128,
      "fatal: base-path '/no/such' does not exist or is not a directory\n",
    ]);
  });
});

function isAlive(pid: number): boolean {
  try {
    // What has ended and was not waited for yet is a zombie.
    return !/^State:\s*Z/m.test(
      readFileSync(`/proc/${pid}/status`, "latin1"),
    );
  } catch {
    return false;
  }
}

describe("--user", () => {
  const isBun = process.versions.bun !== undefined;
  it("changes every thread, or is refused before anything is served", async () => {
    const command = await daemonCommand("ours");
    if (!isBun || process.getuid?.() !== 0) {
      const result = await runDaemon(command, [
        `--user=${whoWeAre().username}`,
        "--port=0",
        `--base-path=${root}`,
      ]);
      assert.equal(result.code, 128);
      assert.match(
        result.stderr,
        isBun ? /^fatal: cannot drop/m : /^fatal: --user is not supported on/m,
      );
      return;
    }
    const args = ["--user=nobody", `--base-path=${root}`];
    await withDaemon({ args, kind: "ours" }, async (daemon) => {
      // Whose repositories are trusted changes with the user, everywhere.
      for (const owner of ["nobody", "root"]) {
        const path = join(root, `of-${owner}.git`);
        gitSync(["clone", "-q", "--bare", join(root, "plain/a.git"), path]);
        exportOk(path);
        // Its configuration, too, must be readable for who has become nobody.
        for (const each of [root, gitHome()]) chmodSync(each, 0o755);
        if (owner === "nobody") spawnSync("chown", ["-R", owner, path]);
        const url = `git://127.0.0.1:${daemon.port}/of-${owner}.git`;
        const result = await tryGit(["ls-remote", "-q", url]);
        if (owner === "nobody") assert.equal(result.code, 0, result.stderr);
        else {
          assert.match(result.stderr, /access denied or repository not exp/);
        }
      }
      const status = readFileSync(`/proc/${daemon.pid}/status`, "latin1");
      assert.match(status, /^Uid:\s*([1-9]\d*)\s+\1\s+\1\s+\1$/m);
      assert.match(status, /^Gid:\s*([1-9]\d*)\s+\1\s+\1\s+\1$/m);
      assert.match(status, /^Groups:\s*[1-9]\d*\s*$/m);
    });
  });
});

describe("--listen", () => {
  /** What startDaemon waits for is 127.0.0.1: the others come beside it. */
  it("may be given again, and what cannot be had is logged", async () => {
    const socket = join(root, "listen.sock");
    const args = [
      `--base-path=${root}/plain`,
      `--listen=${socket}`,
      "--listen=no.such.host.invalid",
      "--listen=192.0.2.1",
      `--listen=unix:${root}/none/a.sock`,
    ];
    await withDaemon({ args, kind: "ours" }, async (daemon) => {
      const { port } = daemon;
      await daemon.logged("by git daemon's rules");
      await withRelay(socket, async (relay) => {
        for (const each of [port, relay]) {
          const target = join(root, `listen-${each}`);
          const url = `git://127.0.0.1:${each}/a.git`;
          const result = await tryGit(["clone", "-q", "--bare", url, target]);
          assert.deepEqual([result.code, result.stderr], [0, ""]);
        }
      });
      const said = daemon.log().replace(/^\[\d+\]/gm, "[pid]").split("\n");
      assert.deepEqual(said, [
        "[pid] getaddrinfo() for no.such.host.invalid failed: " +
        "Name or service not known",
        "[pid] unable to allocate any listen sockets for host " +
        `no.such.host.invalid on port ${port}`,
        "[pid] Could not bind to 192.0.2.1: Cannot assign requested address",
        "[pid] unable to allocate any listen sockets for host 192.0.2.1 " +
        `on port ${port}`,
        `[pid] Could not bind to ${root}/none/a.sock: ` +
        "No such file or directory",
        `Serving ${root}/plain at git://127.0.0.1:${port}/ and ` +
        `unix:${socket} by git daemon's rules`,
        "",
      ]);
      assert.equal((await daemon.stop()).signal, "SIGTERM");
      assert.ok(!existsSync(socket));
    });
  });

  it("logs as git daemon does what cannot be had", async () => {
    const args = ["--listen=no.such.host.invalid", "--listen=192.0.2.1"];
    const [git, ours] = await Promise.all(
      KINDS.map((kind) =>
        withDaemon(
          { args: [...args, "--verbose", `--base-path=${root}`], kind },
          async (daemon) => {
            await daemon.logged("Ready to rumble");
            const [said = ""] = daemon.log().split(/^.*Ready/m);
            // Whether it listens is asked by connecting, which may come first.
            return said.replace(/^\[\d+\] Connection from .*\n/gm, "")
              .replace(/^\[\d+\]/gm, "[pid]")
              .replace(/\bport \d+/g, "port");
          },
        )
      ),
    );
    assert.match(git ?? "", /^.*for host 192\.0\.2\.1 on port$/m);
    assert.equal(ours, git);
  });

  it("refuses a mode that is none", async () => {
    const command = await daemonCommand("ours");
    for (const mode of ["rw", "0777777", ""]) {
      const result = await runDaemon(command, [`--socket-mode=${mode}`]);
      assert.equal(result.code, 129);
    }
  });
});
