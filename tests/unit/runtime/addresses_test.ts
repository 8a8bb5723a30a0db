import assert from "node:assert/strict";
import {
  existsSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { addressesOf } from "../../../src/runtime/addresses.ts";
import { host } from "../../../src/runtime/detect.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { describe, it } from "../../support/test.ts";

const directory = temporaryDirectory("addresses");
const at = (name: string): string => join(directory, name);

describe("a Unix domain socket", () => {
  const inUse = { name: "UsageError", code: "EADDRINUSE" };

  it("has the mode it was given from the start, and goes with us", async () => {
    const path = at("mode.sock");
    for (const mode of [0o600, 0o660]) {
      const listener = await host().listen({ path, mode });
      assert.equal(statSync(path).mode & 0o777, mode);
      assert.equal(listener.path, path);
      listener.close();
      assert.ok(!existsSync(path));
    }
  });

  it("takes the place of one that nobody listens on", async () => {
    const path = at("stale.sock");
    // As a server that was killed leaves it behind.
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${path}.x`, resolve));
    renameSync(`${path}.x`, path);
    await new Promise((resolve) => server.close(resolve));
    assert.ok(statSync(path).isSocket());
    const listener = await host().listen({ path, mode: 0o600 });
    assert.equal(listener.path, path);
    listener.close();
  });

  it("leaves those alone that somebody listens on, and all else", async () => {
    const path = at("live.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await assert.rejects(host().listen({ path, mode: 0o600 }), inUse);
    assert.ok(statSync(path).isSocket());
    server.close();
    const file = at("file");
    writeFileSync(file, "kept");
    symlinkSync(file, at("link"));
    for (const each of [file, at("link"), directory]) {
      await assert.rejects(host().listen({ path: each, mode: 0o600 }), inUse);
    }
    assert.equal(statSync(file).size, 4);
  });

  it("needs a directory", async () => {
    const path = at("none/a.sock");
    await assert.rejects(host().listen({ path, mode: 0o600 }), {
      name: "UsageError",
      message: `Could not bind to ${path}: No such file or directory`,
    });
  });
});

describe("a host name", () => {
  it("stands for all its addresses, and an address for itself", async () => {
    assert.ok((await addressesOf("localhost")).includes("127.0.0.1"));
    assert.deepEqual(await addressesOf("::1"), ["::1"]);
  });

  it("may be unknown", async () => {
    for (const name of ["no.such.host.invalid", ""]) {
      await assert.rejects(addressesOf(name), {
        code: "ENOTFOUND",
        message: `getaddrinfo() for ${name} failed: Name or service not known`,
      });
    }
  });
});
