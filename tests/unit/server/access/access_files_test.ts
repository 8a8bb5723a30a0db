import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { StorageError } from "../../../../src/core/errors.ts";
import type { FileStat } from "../../../../src/core/host.ts";
import { AccessFiles } from "../../../../src/server/access/access_files.ts";
import { describe, it } from "../../../support/test.ts";

const YES = true;
const NO = false;

/** Files in memory whose every change has another inode. */
class Files {
  readonly #files = new Map<string, { bytes: Uint8Array; ino: number }>();
  #count = 0;
  stats = 0;

  write(path: string, text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#files.set(path, { bytes, ino: ++this.#count });
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  stat(path: string): FileStat | undefined {
    this.stats++;
    const file = this.#files.get(path);
    return file && {
      ...{ kind: "file", size: file.bytes.length, ino: file.ino, dev: 1 },
      ...{ mtimeMs: 0, ctimeMs: 0, uid: 0 },
    };
  }

  read(path: string, limit: number): Uint8Array<ArrayBuffer> | undefined {
    const file = this.#files.get(path);
    if (file !== undefined && file.bytes.length > limit) {
      throw new StorageError("file-too-large", "too large");
    }
    return file && new Uint8Array(file.bytes);
  }
}

const token = (user: string, text: string) =>
  `${user}:${createHash("sha256").update(text).digest("hex")}\n`;

function world() {
  const files = new Files();
  files.write("/etc/who.conf", "[gitsrv]\ntokens = t\nread = users\n");
  files.write("/etc/t", token("alice", "one"));
  let now = 0;
  const lines: string[] = [];
  const make = () =>
    new AccessFiles({
      ...{ files, paths: { config: "/etc/who.conf" } },
      queue: { check: () => Promise.reject(new Error("asked")) },
      monotonic: () => now,
      logger: { log: (level, message) => lines.push(`${level}: ${message}`) },
    });
  const access = make();
  const who = async (text: string) => {
    const identity = await access.credentials.identify(`Bearer ${text}`);
    return identity.type === "user" ? identity.name : identity.type;
  };
  return {
    ...{ files, access, lines, who, make },
    pass: (ms: number) => now += ms,
  };
}

describe("files that say who may", () => {
  it("are looked at once in a second, and read again where they changed", async () => {
    const { files, who, pass, lines } = world();
    assert.equal(await who("one"), "alice");
    files.write("/etc/t", token("bob", "one"));
    const before = files.stats;
    for (let i = 0; i < 100; i++) assert.equal(await who("one"), "alice");
    assert.equal(files.stats, before);
    pass(1000);
    assert.equal(await who("one"), "bob");
    assert.deepEqual(lines, ["info: read again who may what"]);
  });

  it("are read again at once where that is asked for", async () => {
    const { files, access, who } = world();
    files.write("/etc/t", token("bob", "one"));
    access.reload();
    assert.equal(await who("one"), "bob");
  });

  it("stay as they were where one is broken, until it is mended", async () => {
    const { files, access, who, pass, lines } = world();
    files.write("/etc/t", "alice:hunter2\n");
    files.write("/etc/who.conf", "[gitsrv]\ntokens = t\nread = anyone\n");
    pass(1000);
    assert.equal(await who("one"), "alice");
    assert.equal(access.rules.allows("/a", "read", undefined), NO);
    assert.equal(lines.length, 1);
    assert.match(
      lines[0] ?? "",
      /^error: who may what stays as it was: \/etc\/t:1: not a SHA-256 in hex; hint: /,
    );
    assert.ok(!(lines[0] ?? "").includes("hunter2"));
    // It is said once, not every second.
    pass(5000);
    assert.equal(await who("one"), "alice");
    assert.equal(lines.length, 1);
    files.write("/etc/t", token("carol", "one"));
    pass(1000);
    assert.equal(await who("one"), "carol");
    assert.equal(access.rules.allows("/a", "read", undefined), YES);
  });

  it("stay as they were where one has gone", async () => {
    const { files, access, who, lines } = world();
    files.remove("/etc/t");
    access.reload();
    assert.equal(await who("one"), "alice");
    assert.match(lines[0] ?? "", /cannot read '\/etc\/t': No such file/);
  });

  it("may name other files, which count from then on", async () => {
    const { files, who, pass } = world();
    files.write("/etc/who.conf", "[gitsrv]\ntokens = /other\n");
    pass(1000);
    assert.equal(await who("one"), "alice");
    files.write("/other", token("dave", "one"));
    pass(1000);
    assert.equal(await who("one"), "dave");
  });

  it("fail a start where they are broken", () => {
    const { files, make } = world();
    files.write("/etc/who.conf", "[gitsrv]\ntoken = t\n");
    assert.throws(make, {
      name: "UsageError",
      message:
        "/etc/who.conf: 'gitsrv.token': no such key; did you mean 'gitsrv.tokens'?",
    });
  });

  it("ask nobody for credentials where there are no users", async () => {
    const { files, access, pass } = world();
    files.write("/etc/who.conf", "[gitsrv]\nread = anyone\n");
    pass(1000);
    assert.deepEqual(access.credentials.challenges, []);
    assert.deepEqual(await access.credentials.identify("Bearer one"), {
      type: "nobody",
    });
  });
});
