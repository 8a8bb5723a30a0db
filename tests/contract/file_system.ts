/**
 * What every {@linkcode FileSystem} must do. The directory that it is tried on
 * is made with `node:fs`; the implementation only reads.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { FileSystem } from "../../src/core/host.ts";
import { StorageError } from "../../src/core/errors.ts";
import { before, describe, it } from "../support/test.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";

/** Registers the tests for one implementation. */
export function describeFileSystem(label: string, files: FileSystem): void {
  describe(`FileSystem ${label}`, () => {
    let root = "";
    const at = (name: string): string => join(root, name);

    before(() => {
      root = temporaryDirectory("file-system");
      mkdirSync(at("directory/inner"), { recursive: true });
      writeFileSync(at("ten"), "0123456789");
      writeFileSync(at("empty"), "");
      symlinkSync("ten", at("link"));
      symlinkSync("absent", at("dangling"));
      symlinkSync("circle", at("circle"));
      symlinkSync("directory", at("linked"));
      assert.equal(spawnSync("mkfifo", [at("fifo")]).status, 0);
    });

    it("tells files, directories, links and other things apart", () => {
      assert.equal(files.stat(at("ten"))?.kind, "file");
      assert.equal(files.stat(at("directory"))?.kind, "directory");
      assert.equal(files.stat(at("link"))?.kind, "file");
      assert.equal(files.lstat(at("link"))?.kind, "symlink");
      assert.equal(files.stat(at("fifo"))?.kind, "other");
      assert.equal(files.stat("/dev/null")?.kind, "other");
      assert.equal(files.stat(at("ten"))?.size, 10);
    });

    it("says undefined for what is not there", () => {
      for (
        const name of ["absent", "ten/below", "dangling", "circle", "a\0b"]
      ) {
        const path = at(name);
        assert.equal(files.stat(path), undefined, name);
        assert.equal(files.realPath(path), undefined, name);
        assert.equal(files.list(path), undefined, name);
        assert.equal(files.read(path, 100), undefined, name);
        assert.equal(files.open(path), undefined, name);
      }
      assert.equal(files.lstat(at("absent")), undefined);
      assert.equal(files.readLink(at("absent")), undefined);
    });

    it("changes the stat of a file that is replaced or written", () => {
      const path = at("changing");
      writeFileSync(path, "one");
      const first = files.stat(path);
      writeFileSync(at("changing.lock"), "two");
      renameSync(at("changing.lock"), path);
      const second = files.stat(path);
      assert.notEqual(first?.ino, second?.ino);
      appendFileSync(path, "three");
      assert.equal(files.stat(path)?.size, 8);
      assert.ok((first?.mtimeMs ?? 0) > Date.now() - 60_000);
    });

    it("resolves links and reads their targets", () => {
      const real = files.realPath(root) ?? "";
      assert.equal(
        files.realPath(at("linked/inner")),
        `${real}/directory/inner`,
      );
      assert.equal(files.readLink(at("link")), "ten");
      assert.equal(files.readLink(at("circle")), "circle");
      assert.equal(files.readLink(at("ten")), undefined);
    });

    it("lists the names in a directory", () => {
      mkdirSync(at("names"));
      for (const name of ["b", "a", ".hidden", "\u00e9"]) {
        writeFileSync(at(`names/${name}`), "");
      }
      const list = files.list(at("names"));
      assert.deepEqual([...list?.names ?? []].sort(), [
        ".hidden",
        "a",
        "b",
        "\u00e9",
      ]);
      assert.equal(list?.unreadable, 0);
      assert.deepEqual(files.list(at("directory/inner")), {
        names: [],
        unreadable: 0,
      });
    });

    it("counts names that are not UTF-8 and leaves them out", () => {
      mkdirSync(at("bytes"));
      writeFileSync(at("bytes/good"), "");
      const made = spawnSync("sh", ["-c", "touch \"$(printf 'bad\\377')\""], {
        cwd: at("bytes"),
      });
      assert.equal(made.status, 0, Buffer.from(made.stderr).toString());
      assert.deepEqual(files.list(at("bytes")), {
        names: ["good"],
        unreadable: 1,
      });
    });

    it("reads whole files up to the limit", () => {
      const text = (name: string, limit: number): string | undefined => {
        const bytes = files.read(at(name), limit);
        return bytes && Buffer.from(bytes).toString("latin1");
      };
      assert.equal(text("ten", 10), "0123456789");
      assert.equal(text("link", 10), "0123456789");
      assert.equal(text("empty", 0), "");
      assertFails(() => files.read(at("ten"), 9), "file-too-large");
    });

    it("reads files whose size the system does not tell", () => {
      const version = files.read("/proc/version", 4096);
      assert.ok(version !== undefined && version.length > 10);
      assertFails(() => files.read("/proc/version", 8), "file-too-large");
    });

    it("neither blocks on a FIFO nor reads from a device", () => {
      for (const path of [at("fifo"), "/dev/zero", at("directory")]) {
        assertFails(() => files.read(path, 10), "not-a-file");
        assertFails(() => files.open(path), "not-a-file");
      }
    });

    it("reads open files at positions, fewer bytes only at the end", () => {
      const file = files.open(at("ten"));
      assert.ok(file);
      assert.equal(file.size, 10);
      const into = new Uint8Array(4);
      assert.equal(file.readAt(into, 3), 4);
      assert.equal(Buffer.from(into).toString(), "3456");
      assert.equal(file.readAt(into, 8), 2);
      assert.equal(Buffer.from(into.subarray(0, 2)).toString(), "89");
      assert.equal(file.readAt(into, 10), 0);
      assert.equal(file.readAt(into, 1e9), 0);
      assert.equal(file.readAt(new Uint8Array(0), 0), 0);
      file.close();
      file.close();
      assertFails(() => file.readAt(into, 0), "EBADF");
    });

    it("keeps an open file readable that was cut or removed", () => {
      const path = at("cut");
      writeFileSync(path, "abcdef");
      const file = files.open(path);
      assert.ok(file);
      truncateSync(path, 3);
      assert.equal(file.readAt(new Uint8Array(6), 0), 3);
      renameSync(path, at("moved"));
      assert.equal(file.readAt(new Uint8Array(6), 0), 3);
      file.close();
    });

    it("closes what it opens", () => {
      const count = (): number =>
        files.list("/proc/self/fd")?.names.length ?? 0;
      const start = count();
      for (let i = 0; i < 300; i++) {
        files.read(at("ten"), 10);
        files.open(at("ten"))?.close();
        assertFails(() => files.read(at("ten"), 1), "file-too-large");
        assertFails(() => files.open(at("fifo")), "not-a-file");
      }
      assert.ok(count() < start + 50, `${start} descriptors became ${count()}`);
    });

    it("throws StorageErrors that say what the system said", () => {
      const long = at("x".repeat(300));
      const error = assertFails(() => files.read(long, 10), "ENAMETOOLONG");
      assert.equal(error.message, `Cannot open ${long}: file name too long`);
    });
  });
}

function assertFails(call: () => unknown, code: string): StorageError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`nothing was thrown where ${code} was due`);
}
