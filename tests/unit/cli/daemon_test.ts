import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandRow } from "../../../src/cli/command.ts";
import { logDestination } from "../../../src/cli/daemon_settings.ts";
import { banner } from "../../../src/cli/daemon_words.ts";
import { EndRequests } from "../../../src/cli/end_requests.ts";
import { main } from "../../../src/cli/main.ts";
import { parseOptions } from "../../../src/cli/options.ts";
import { COMMANDS } from "../../../src/cli/table.ts";
import { certificate } from "../../support/certificates.ts";
import { git } from "../../support/git.ts";
import { RawHttp } from "../../support/raw_http.ts";
import { after, before, describe, it } from "../../support/test.ts";
import {
  connectWire,
  gitRequest,
  type WireClient,
} from "../../support/wire_client.ts";
import { FakeProcess } from "./fake_process.ts";

const DAEMON = COMMANDS.find(({ name }) => name === "daemon") as CommandRow;

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
    const running = main(["daemon", "--port=0", "--no-http"], io);
    await io.says("Press Ctrl-C");
    assert.match(
      io.error,
      /^Serving a welcome repository at git:\/\/127\.0\.0\.1:\d+\/ \(read-only, this machine only\)\n\n {4}git clone git:\/\/127\.0\.0\.1:\d+\/welcome\.git\n/,
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
      "--no-http",
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

  it("says under git's rules what is served and where, no more", async () => {
    const io = new FakeProcess([root]);
    const running = main([
      "daemon",
      "--port=0",
      "--no-http",
      `--base-path=${root}`,
    ], io);
    await io.says("Serving");
    assert.match(
      io.error,
      /^Serving \/\S+ at git:\S+ by git daemon's rules\n$/,
    );
    assert.ok(io.error.startsWith(`Serving ${root} at `));
    io.signal("SIGTERM");
    await running;
  });

  it("serves HTTP alone, and reads its certificate again", async () => {
    const io = new FakeProcess();
    const [first, second] = [certificate("a"), certificate("b")];
    io.files.set("/here/cert.pem", first.cert);
    io.files.set("/here/key.pem", first.key);
    const running = main([
      "daemon",
      "--verbose",
      "--no-git",
      "--http-port=0",
      "--tls-cert=cert.pem",
      "--tls-key=./key.pem",
    ], io);
    await io.says("Press Ctrl-C");
    const port = Number(/https:\/\/127\.0\.0\.1:(\d+)\//.exec(io.error)?.[1]);
    assert.ok(!io.error.includes("git://"), io.error);
    const subject = async () => {
      const client = await RawHttp.connectTlsAgain(port);
      client.close();
      return client.subject;
    };
    assert.equal(await subject(), "a");
    io.files.set("/here/cert.pem", second.cert);
    assert.ok(io.hangUp());
    await io.says("TLS certificate: the old one stays: unusable TLS");
    assert.equal(await subject(), "a");
    io.files.set("/here/key.pem", second.key);
    io.hangUp();
    await io.says("TLS certificate: read again");
    assert.equal(await subject(), "b");
    io.signal("SIGTERM");
    await running;
    assert.ok(!io.hangUp(), "nobody listens any more");
  });

  it("leaves SIGHUP alone where there is nothing to read again", async () => {
    const io = new FakeProcess();
    const running = main(["daemon", "--no-git", "--http-port=0"], io);
    await io.says("Press Ctrl-C");
    assert.ok(!io.hangUp());
    io.signal("SIGTERM");
    await running;
  });

  it("says that there is no HTTP where its usual port is taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      // Whoever has it, somebody does.
      server.on("error", () => resolve());
      server.listen(8080, "127.0.0.1", () => resolve());
    });
    const io = new FakeProcess();
    const running = main(["daemon", "--port=0"], io);
    await io.says("Press Ctrl-C");
    assert.match(
      io.error,
      /^warning: port 8080 is taken, HTTP is not served; --http-port=<n> /m,
    );
    assert.ok(!io.error.includes("http://"), io.error);
    io.signal("SIGTERM");
    await running;
    server.close();
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

  it("ends without that command where a file is in the way", async () => {
    const io = new FakeProcess();
    io.files.set("/here/notes", "");
    assert.deepEqual(await fails(["notes"], io), {
      code: 128,
      error: "fatal: directory 'notes' does not exist or is not a directory\n",
    });
  });

  it("ends where a variable of the shell was empty", async () => {
    assert.deepEqual(await fails([""], new FakeProcess(["/here/"])), {
      code: 128,
      error: "fatal: no directory given\n",
    });
    const io = new FakeProcess(["/here/", ""]);
    assert.deepEqual(await fails(["--base-path="], io), {
      code: 128,
      error: "fatal: base-path '' does not exist or is not a directory\n",
    });
  });

  it("listens in every place that --listen names", async () => {
    const io = new FakeProcess();
    const socket = join(root, "daemon.sock");
    const running = main([
      "daemon",
      "--port=0",
      "--no-http",
      "--listen=127.0.0.1",
      "--listen=LOCALHOST",
      `--listen=unix:${socket}`,
    ], io);
    await io.says("Press Ctrl-C");
    const port = /at git:\/\/127\.0\.0\.1:(\d+)\/ /.exec(io.error)?.[1];
    assert.ok(io.error.includes(` and unix:${socket} (read-only, this`));
    // "localhost" may be that address alone, which is taken by then.
    assert.ok(
      io.error.includes("[4242] Could not bind to 127.0.0.1: ") ||
        io.error.includes(`git://[::1]:${port}/`),
      io.error,
    );
    io.signal("SIGTERM");
    await running;
  });

  it("says why it has no --serve", async () => {
    const { code, error } = await fails(["--serve"]);
    assert.equal(code, 129);
    assert.match(error, /^error: option `serve' is internal to git daemon; /);
    assert.deepEqual(
      DAEMON.options.filter(({ name }) =>
        Object.hasOwn(DAEMON.refused ?? {}, name)
      ),
      [],
    );
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
    assert.match(error, /^error: more than one directory needs .*--base-path/);
  });

  it("refuses a port that is none", async () => {
    for (const port of ["-1", "65536"]) {
      assert.equal((await fails([`--port=${port}`])).code, 129);
    }
  });

  it("ends with a clear word when the port is taken", async () => {
    const io = new FakeProcess();
    const running = main(["daemon", "--port=0", "--no-http"], io);
    await io.says("Press Ctrl-C");
    const port = /:(\d+)\//.exec(io.error)?.[1];
    assert.deepEqual(await fails([`--port=${port}`]), {
      code: 128,
      error: "[4242] Could not bind to 127.0.0.1: Address already in use\n" +
        `fatal: unable to allocate any listen sockets on port ${port}\n` +
        "hint: another server has it; --port=0 takes a free one " +
        "(npm start -- --port=0)\n",
    });
    const git = [`--port=${port}`, "--base-path=/"];
    assert.deepEqual(await fails(git, new FakeProcess(["/"])), {
      code: 128,
      error: "[4242] Could not bind to 127.0.0.1: Address already in use\n" +
        `fatal: unable to allocate any listen sockets on port ${port}\n`,
    });
    io.signal("SIGTERM");
    await running;
  });
});

describe("waiting for the end", () => {
  const NOTICE =
    "Waiting up to 9 s for 1 session; press Ctrl-C again to end now.\n";

  /** A session that is in the middle of something when a signal comes. */
  async function interrupted(
    args: readonly string[],
    use: (io: FakeProcess, client: WireClient) => Promise<void>,
  ): Promise<void> {
    const root = mkdtempSync(join(tmpdir(), "gitsrv-wait-"));
    await git(["init", "--quiet", "--bare", join(root, "a.git")]);
    const io = new FakeProcess([root]);
    const options = args.map((arg) => arg.replace("<root>", root));
    const limits = ["--port=0", "--no-http", "--drain-timeout=9"];
    const running = main(["daemon", ...limits, ...options], io);
    await io.says("Serving");
    const port = Number(/:(\d+)\//.exec(io.error)?.[1]);
    const client = await connectWire(port);
    let isEnding = false;
    try {
      await client.send(gitRequest("/a.git"));
      await client.untilFlush();
      isEnding = true;
      io.signal("SIGINT");
      await use(io, client);
    } finally {
      client.close();
      // A client that waited in vain shall be told, not wait for ever.
      if (!isEnding) io.signal("SIGINT");
      await running;
      rmSync(root, { recursive: true });
    }
    assert.deepEqual(io.killedBy, ["SIGINT"]);
  }

  it("says what it waits for, once, and takes an echo for none", async () => {
    await interrupted(["<root>"], async (io, client) => {
      io.signal("SIGINT");
      assert.equal(io.error.split(NOTICE).length, 2, io.error);
      // Had it counted, the end would have come by now.
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert.deepEqual(io.killedBy, []);
      client.forget();
      await client.send("0000");
      await client.untilClosed();
      assert.equal(io.error.split(NOTICE).length, 2, io.error);
    });
  });

  it("says nothing under git's rules, unless verbose", async () => {
    const args = ["--base-path=<root>", "--export-all"];
    await interrupted(args, (io) => {
      assert.ok(!io.error.includes("Waiting"), io.error);
      return Promise.resolve();
    });
    await interrupted([...args, "--verbose"], (io) => {
      assert.ok(io.error.includes(NOTICE), io.error);
      return Promise.resolve();
    });
  });
});

describe("where the log goes", () => {
  const ROWS = DAEMON.options;
  const where = (...args: string[]): string =>
    logDestination(parseOptions(ROWS, args).options);

  it("is what was said last, or else where somebody looks", () => {
    assert.equal(where(), "stderr");
    assert.equal(where("--detach"), "syslog");
    assert.equal(where("--inetd"), "syslog");
    assert.equal(where("--inetd", "--log-destination=none"), "none");
    assert.equal(where("--syslog", "--log-destination=stderr"), "stderr");
    assert.equal(where("--log-destination=none", "--syslog"), "syslog");
    assert.equal(where("--syslog", "--no-syslog"), "stderr");
    assert.throws(() => where("--log-destination="), {
      message: "unknown log destination ''",
    });
  });
});

describe("requests to end", () => {
  it("count once when one signal comes twice in half a second", () => {
    let now = 1000;
    const requests = new EndRequests(() => now);
    assert.equal(requests.signal, undefined);
    assert.equal(requests.take("SIGINT"), "first");
    now = 1500;
    assert.equal(requests.take("SIGINT"), "echo");
    now = 1501;
    assert.equal(requests.take("SIGINT"), "again");
    assert.equal(requests.signal, "SIGINT");
  });

  it("count twice when the signals differ", () => {
    const requests = new EndRequests(() => 0);
    assert.equal(requests.take("SIGINT"), "first");
    assert.equal(requests.take("SIGTERM"), "again");
    assert.equal(requests.signal, "SIGTERM");
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
    assert.ok(text.includes(
      "No repository was found in the first three levels below ./repos.\n",
    ));
  });

  it("say who can reach it", () => {
    const welcome = { kind: "welcome", port: 1 } as const;
    for (const hostname of ["127.0.0.1", "127.1.2.3", "::1", "localhost"]) {
      const text = banner({ ...welcome, hostname });
      assert.ok(text.includes("/ (read-only, this machine only)\n"), text);
    }
    for (const hostname of ["0.0.0.0", "::", "192.0.2.1", "fe80::1"]) {
      const text = banner({ ...welcome, hostname });
      assert.ok(
        text.includes("/ (read-only, reachable from the network)\n"),
        text,
      );
    }
  });

  it("name the base path without what leads nowhere", () => {
    const paths = [
      ["/", "/"],
      ["/srv/.", "/srv"],
      ["/here/./a//b/", "/here/a/b"],
      ["/srv/.git/..x", "/srv/.git/..x"],
    ] as const;
    for (const [basePath, shown] of paths) {
      assert.equal(
        banner({ ...at, kind: "git-rules", basePath }),
        `Serving ${shown} at git://127.0.0.1/ by git daemon's rules\n`,
      );
    }
    assert.equal(
      banner({ ...at, kind: "git-rules", basePath: undefined }),
      "Serving at git://127.0.0.1/ by git daemon's rules\n",
    );
  });

  it("name every place, and only such a clone as git can make", () => {
    const unix = { hostname: "/run/g.sock", port: 0, path: "/run/g.sock" };
    const six = { hostname: "::1", port: 9418 };
    const both = banner({
      ...{ kind: "welcome", ...unix },
      addresses: [unix, six],
    });
    assert.ok(
      both.startsWith(
        "Serving a welcome repository at unix:/run/g.sock and git://[::1]/ " +
          "(read-only, this machine only)\n\n" +
          "    git clone git://[::1]/welcome.git\n",
      ),
      both,
    );
    const alone = banner({ kind: "welcome", ...unix });
    assert.ok(!alone.includes("git clone"), alone);
    const far = [unix, { hostname: "192.0.2.1", port: 1 }];
    assert.ok(
      banner({ ...{ kind: "welcome", ...unix }, addresses: far })
        .includes("(read-only, reachable from the network)"),
    );
  });

  it("say how to stop what is in the background", () => {
    const text = banner({ kind: "welcome", ...at, background: 77 });
    assert.ok(text.endsWith(
      "\nProcess 77 serves in the background; to stop it: kill 77\n",
    ));
    assert.ok(!text.includes("Ctrl-C"));
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
