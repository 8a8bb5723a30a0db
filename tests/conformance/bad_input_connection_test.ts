/**
 * Bad connections and bad git:// request lines: each ends in clear words and
 * a closed connection, reads nothing outside the base path, and leaves the
 * clients beside it alone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "../support/test.ts";
import { emptyRepository } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { exportOk, smallRepository } from "../support/fixture_small.ts";
import { gitSync } from "../support/git.ts";
import { eventually, pause, SERVER, startDaemon } from "../support/server.ts";
import {
  expectRefusal,
  residentBytes,
  startCloneLoop,
} from "../support/server_refusal.ts";
import {
  connectWire,
  converse,
  gitRequest,
  packets,
  parsePackets,
  pkt,
  type Wire,
} from "../support/wire_client.ts";

const DENIED = /access denied or repository not exported: /;
const UPLOAD = "git-upload-pack";

// Set up here, not in a hook: the tests below take these as constants.
const outside = temporaryDirectory("outside");
const secret = smallRepository(join(outside, "secret.git"), {
  label: "secret",
});
exportOk(secret.path);
const root = temporaryDirectory("connection");
const good = smallRepository(join(root, "good.git"));
exportOk(good.path);
const big = smallRepository(join(root, "big.git"), { bigMebibytes: 24 });
exportOk(big.path);
buildBadRepositories();
const daemon = await startDaemon({ args: [`--base-path=${root}`] });
const informative = await startDaemon({
  args: [`--base-path=${root}`, "--informative-errors"],
});
const hasty = await startDaemon({
  args: [`--base-path=${root}`, "--init-timeout=2", "--timeout=2"],
});
const loop = startCloneLoop(daemon.url("/good.git"));
const silent = await connectWire(daemon.port);
const silentSince = performance.now();

after(async () => {
  silent.close();
  await Promise.all([daemon.stop(), informative.stop(), hasty.stop()]);
  rmSync(root, { recursive: true, force: true });
  rmSync(outside, { recursive: true, force: true });
});

describe("a connection that does not speak git", () => {
  const secrets = [secret.main];
  const cases: readonly (readonly [string, Wire, RegExp, "peer" | "log"])[] = [
    ["two digits of a length", "00", /hung up unexpectedly/, "log"],
    ["half a request", "0032git-upl", /hung up unexpectedly/, "log"],
    [
      "an HTTP request",
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      /bad line length character: GET /,
      "peer",
    ],
    [
      "a TLS hello",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "x".repeat(500),
      /bad line length character/,
      "peer",
    ],
    ["a length of 3", "0003", /bad line length 3/, "peer"],
    [
      "a length of ffff",
      `ffff${"x".repeat(70_000)}`,
      /bad line length/,
      "peer",
    ],
  ];
  for (const [what, input, words, to] of cases) {
    it(`is refused: ${what}`, async () => {
      await expectRefusal(daemon, {
        send: [input],
        halfClose: to === "log",
        words,
        to,
        secrets,
      });
    });
  }

  it("is closed when it ends without a byte", async () => {
    const answer = await converse(daemon.port, [""], { halfClose: true });
    assert.equal(answer.length, 0);
  });

  it("is closed after --init-timeout when it sends nothing", async () => {
    const start = performance.now();
    const client = await connectWire(hasty.port);
    await client.untilClosed(10_000);
    assert.ok(performance.now() - start > 1_000);
  });

  it("is closed after --init-timeout when it sends byte by byte", async () => {
    const client = await connectWire(hasty.port);
    const start = performance.now();
    for (const byte of "003agit-upload-pack /good.git") {
      if (client.ending !== undefined) break;
      await client.send(byte);
      await pause(400);
    }
    assert.notEqual(client.ending, undefined);
    assert.ok(performance.now() - start < 10_000);
  });
});

describe("a request line", () => {
  const cases: readonly (readonly [string, Wire, RegExp])[] = [
    ["without a service", pkt("/good.git\0host=x\0"), /Protocol error/i],
    [
      "for a service nobody has",
      pkt("git-evil-pack /good.git\0host=x\0"),
      /Protocol error/i,
    ],
    ["without a path", pkt(`${UPLOAD}\0host=x\0`), /Protocol error/i],
    ["that is empty", "0004", /Protocol error/i],
    ["that is a flush", "0000", /Protocol error/i],
    [
      "for a service that is off",
      gitRequest("/good.git", { service: "git-receive-pack" }),
      /access denied or repository not exported: \/good\.git$/,
    ],
    [
      "for archives, which are off",
      gitRequest("/good.git", { service: "git-upload-archive" }),
      DENIED,
    ],
    [
      "with a NUL inside the path",
      pkt(`${UPLOAD} /good\0.git\0`),
      /Invalid request/,
    ],
    [
      "with an extra argument that has no '='",
      pkt(`${UPLOAD} /good.git\0host\0`),
      /Invalid request/,
    ],
    [
      "with two hosts",
      pkt(`${UPLOAD} /good.git\0host=a\0host=b\0`),
      /Invalid request/,
    ],
    [
      "with an unclosed bracket",
      pkt(`${UPLOAD} /good.git\0host=[::1\0`),
      /Invalid request \('\[' without '\]'\)/,
    ],
    [
      "with garbage after a bracket",
      pkt(`${UPLOAD} /good.git\0host=[::1]x\0`),
      /Garbage after end of host part/,
    ],
  ];
  for (const [what, input, words] of cases) {
    it(`is refused: ${what}`, async () => {
      await expectRefusal(daemon, { send: [input], words });
    });
  }

  const accepted: readonly (readonly [string, string])[] = [
    ["a host with dots and slashes", "host=../../etc\0"],
    ["a host of 60 kB", `host=${"h".repeat(60_000)}\0`],
    ["a host with ESC", "host=\x1b[31m\0"],
    ["no host", ""],
    ["version=99", "host=x\0\0version=99\0"],
    ["version=zz", "host=x\0\0version=zz\0"],
    ["1,000 extra parameters", `host=x\0\0${"a=b\0".repeat(1_000)}`],
  ];
  for (const [what, extra] of accepted) {
    it(`is answered with the v0 advertisement: ${what}`, async () => {
      const answer = await converse(daemon.port, [
        pkt(`${UPLOAD} /good.git\0${extra}`),
        "0000",
      ]);
      const [first] = parsePackets(answer);
      assert.ok(
        first?.type === "data" && first.text.startsWith(`${good.main} HEAD\0`),
      );
    });
  }

  it("takes the highest of several versions", async () => {
    const answer = await converse(daemon.port, [
      pkt(`${UPLOAD} /good.git\0host=x\0\0version=1\0version=2\0`),
      "0000",
    ]);
    assert.match(Buffer.from(answer).toString("latin1"), /^000eversion 2\n/);
  });
});

describe("a path", () => {
  const secrets = [secret.main];
  const name = join(outside, "secret.git");
  const up = `${"../".repeat(12)}${name.slice(1)}`;
  const paths: readonly (readonly [string, string])[] = [
    ["without a leading slash", "good.git"],
    ["with ../ at its start", `/${up}`],
    ["with ../ inside", `/good.git/${up}`],
    ["with /./", "/./good.git"],
    ["with //", "//good.git"],
    ["that is absolute outside the base", name],
    ["of a user", "~root/good.git"],
    ["of a user, absolute", "/~root/good.git"],
    ["of 5,000 bytes", `/${"a".repeat(5_000)}`],
    ["of 60,000 bytes", `/${"a/".repeat(30_000)}`],
    ["with a newline", "/good\n.git"],
    ["with ESC", "/good\x1b[2J.git"],
    ["with a percent escape", "/%2e%2e/good.git"],
    ["with a backslash", "/..\\good.git"],
    ["that does not exist", "/absent.git"],
    ["of a directory without HEAD", "/headless.git"],
    ["of a directory with an empty HEAD", "/empty-head.git"],
    ["of a HEAD that leads outside refs/", "/head-outside.git"],
    ["of a plain directory", "/plain"],
    ["of the base itself", "/"],
    ["that is empty", ""],
    ["below a repository", "/good.git/objects"],
    ["of a repository that is not exported", "/private.git"],
  ];
  for (const [what, path] of paths) {
    it(`is denied: ${what}`, async () => {
      await expectRefusal(daemon, {
        send: [gitRequest(path), "0000"],
        words: DENIED,
        secrets,
      });
    });
  }

  it("is denied: of a file", async () => {
    await expectRefusal(daemon, {
      send: [gitRequest("/file"), "0000"],
      // git takes any file for a gitfile, and tells its log alone.
      words: SERVER === "git" ? /invalid gitfile format/ : DENIED,
      secrets,
    });
  });

  const details: readonly (readonly [string, RegExp])[] = [
    ["/absent.git", /no such repository: \/absent\.git$/],
    ["/../x", /no such repository: \/\.\.\/x$/],
    ["/private.git", /repository not exported: \/private\.git$/],
  ];
  for (const [path, words] of details) {
    it(`has its reason told by --informative-errors: ${path}`, async () => {
      await expectRefusal(informative, {
        send: [gitRequest(path), "0000"],
        words,
      });
    });
  }

  it("has its service's reason told by --informative-errors", async () => {
    await expectRefusal(informative, {
      send: [gitRequest("/good.git", { service: "git-receive-pack" })],
      words: /service not enabled: \/good\.git$/,
    });
  });

  // git's daemon follows them: whoever can write below the base path could
  // have any repository of the machine served.
  if (SERVER === "ours") {
    for (const path of ["/symlink.git", "/gitfile", "/link/secret.git"]) {
      it(`is denied when it leads outside the base path: ${path}`, async () => {
        await expectRefusal(daemon, {
          send: [gitRequest(path), "0000"],
          words: DENIED,
          secrets,
        });
      });
    }
  }
});

describe("a repository that must not be opened", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["/version-2.git", /Expected git repo version <= 1, found 2/],
    ["/extension.git", /unknown repository extension found/],
    ["/format.git", /invalid value for 'extensions.objectformat'/],
  ];
  for (const [path, words] of cases) {
    it(`is refused: ${path}`, async () => {
      await expectRefusal(daemon, {
        send: [gitRequest(path), "0000"],
        words,
        to: "log",
        secrets: [good.main],
      });
    });
  }

  // Only root can give a repository away.
  if (process.getuid?.() === 0) {
    it("is refused when another user owns it", async () => {
      await expectRefusal(daemon, {
        send: [gitRequest("/foreign.git"), "0000"],
        words: /detected dubious ownership in repository at /,
        to: "log",
      });
    });

    it("is served when safe.directory names it", async () => {
      const config = join(outside, "safe.config");
      writeFileSync(config, "[safe]\n\tdirectory = *\n");
      const lax = await startDaemon({
        args: [`--base-path=${root}`],
        env: { GIT_CONFIG_GLOBAL: config },
      });
      const answer = await converse(lax.port, [
        gitRequest("/foreign.git"),
        "0000",
      ]).finally(lax.stop);
      assert.ok(parsePackets(answer).length > 2);
    });
  }
});

describe("a client that goes away", () => {
  it("leaves no open file behind when it resets in any state", async () => {
    const files = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
    const request = gitRequest("/big.git");
    const want = packets(`want ${big.main} side-band-64k ofs-delta\n`, "0000");
    const states: readonly (readonly [Wire[], number])[] = [
      [[], 0],
      [["003"], 0],
      [[request], 0],
      [[request], 100],
      [[request, want], 100],
      [[request, want, pkt("done\n")], 1_000],
      [[request, want, pkt("done\n")], 1_000_000],
    ];
    const resetInEachState = async (): Promise<void> => {
      for (const [parts, bytes] of states) {
        const client = await connectWire(daemon.port);
        await client.send(...parts);
        if (bytes > 0) await client.atLeast(bytes);
        client.reset();
      }
    };
    // The first round opens what stays open on purpose: the pack of a
    // repository in use, what the runtime loads late. The neighbour's clones
    // open files too: the smallest count is compared.
    await resetInEachState();
    let before = Infinity;
    for (let i = 0; i < 50; i++) {
      before = Math.min(before, files());
      await pause(20);
    }
    await resetInEachState();
    await resetInEachState();
    await eventually(
      `${daemon.pid} has at most ${before} open files again`,
      () => files() <= before,
    );
  });

  it("still gets the whole answer after half-closing", async () => {
    const answer = await converse(daemon.port, [
      gitRequest("/good.git"),
      packets(`want ${good.main} ofs-delta\n`, "0000", "done\n"),
    ], { halfClose: true });
    const text = Buffer.from(answer).toString("latin1");
    const at = text.indexOf("PACK");
    assert.ok(at > 0);
    const store = emptyRepository(join(root, "received.git"), "sha1");
    gitSync(["index-pack", "--stdin"], { cwd: store, input: text.slice(at) });
    assert.equal(
      gitSync(["cat-file", "-t", good.main], { cwd: store }),
      "commit\n",
    );
  });

  it("is dropped after --timeout when it stops reading", async () => {
    const status = (): string =>
      readFileSync(`/proc/${hasty.pid}/status`, "latin1");
    const client = await connectWire(hasty.port);
    await client.send(gitRequest("/big.git"));
    await client.untilFlush();
    const before = residentBytes(status());
    await client.send(
      packets(`want ${big.main} ofs-delta\n`, "0000", "done\n"),
    );
    client.pause();
    await pause(5_000);
    const grown = residentBytes(status()) - before;
    client.resume();
    const answer = await client.untilClosed(10_000);
    // Of 24 MiB only what the system's buffers hold can have been sent.
    assert.ok(answer.length < 20 << 20, `${answer.length} bytes`);
    assert.ok(grown < 64 << 20, `memory grew by ${grown} bytes`);
  });
});

// git's daemon waits for ever unless --init-timeout is given.
if (SERVER === "ours") {
  it("a connection that sends nothing is closed after 30 s", async () => {
    await silent.untilClosed(45_000);
    const seconds = (performance.now() - silentSince) / 1_000;
    assert.ok(seconds > 25 && seconds < 45, `${seconds} s`);
  });
}

it("clients beside all this clone as ever", async () => {
  assert.ok(await loop.stop() > 0);
});

function buildBadRepositories(): void {
  writeFileSync(join(root, "file"), "not a repository\n");
  mkdirSync(join(root, "plain/sub"), { recursive: true });
  const bad = (name: string): string => {
    const { path } = smallRepository(join(root, name), { label: name });
    if (name !== "private.git") exportOk(path);
    return path;
  };
  rmSync(join(bad("headless.git"), "HEAD"));
  writeFileSync(join(bad("empty-head.git"), "HEAD"), "");
  writeFileSync(join(bad("head-outside.git"), "HEAD"), "ref: ../../x\n");
  bad("private.git");
  const config = (name: string, ...settings: string[]): void => {
    const path = bad(name);
    for (const setting of settings) {
      const [key = "", value = ""] = setting.split("=");
      gitSync(["config", key, value], { cwd: path });
    }
  };
  config("extension.git", "core.repositoryformatversion=1", "extensions.no=1");
  writeFileSync(
    join(bad("version-2.git"), "config"),
    "[core]\n\trepositoryformatversion = 2\n\tbare = true\n",
  );
  writeFileSync(
    join(bad("format.git"), "config"),
    "[core]\n\trepositoryformatversion = 1\n\tbare = true\n" +
      "[extensions]\n\tobjectformat = md5\n",
  );
  if (process.getuid?.() === 0) chownTree(bad("foreign.git"), 65_534);
  symlinkSync(secret.path, join(root, "symlink.git"));
  symlinkSync(outside, join(root, "link"));
  mkdirSync(join(root, "gitfile"));
  writeFileSync(join(root, "gitfile/.git"), `gitdir: ${secret.path}\n`);
}

function chownTree(path: string, uid: number): void {
  chownSync(path, uid, uid);
  for (const entry of readdirSync(path, { recursive: true })) {
    chownSync(join(path, String(entry)), uid, uid);
  }
}
