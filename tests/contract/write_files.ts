/**
 * What every {@linkcode WritableFiles} must do, beyond what it promises as a
 * FileSystem. What came of each call is looked at with `node:fs`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../src/core/errors.ts";
import {
  type WritableFile,
  type WritableFiles,
  writeAll,
} from "../../src/core/write_files.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { before, describe, it } from "../support/test.ts";

const text = (words: string): Uint8Array => Buffer.from(words);

/** Registers the tests for one implementation. */
export function describeWritableFiles(
  label: string,
  files: WritableFiles,
): void {
  describe(`WritableFiles ${label}`, () => {
    let root = "";
    const at = (name: string): string => join(root, name);
    const content = (name: string): string => readFileSync(at(name), "latin1");

    before(() => {
      root = temporaryDirectory("write-files");
      writeFileSync(at("file"), "file");
      mkdirSync(at("full/inner"), { recursive: true });
      mkdirSync(at("bare"));
      symlinkSync("absent", at("dangling"));
      symlinkSync("file", at("link"));
      symlinkSync("full", at("linked"));
    });

    it("creates files, which can be read, written and cut", async () => {
      const file = files.create(at("made"), 0o640);
      assert.equal(file.path, at("made"));
      writeAll(file, text("0123456789"), 0);
      writeAll(file, text("xy"), 4);
      writeAll(file, text("!"), 12);
      const into = new Uint8Array(6);
      assert.equal(file.readAt(into, 3), 6);
      assert.equal(Buffer.from(into).toString(), "3xy678");
      assert.equal(file.readAt(into, 20), 0);
      assert.equal(file.size, 13);
      assert.equal(content("made"), "0123xy6789\0\0!");
      file.truncate(5);
      assert.equal(file.size, 5);
      await file.sync();
      file.close();
      file.close();
      assert.equal(content("made"), "0123x");
      assert.equal(statSync(at("made")).mode & 0o7137, 0);
      await failsLater(() => file.sync(), "EBADF");
      fails(() => file.writeAt(text("x"), 0), "EBADF");
      fails(() => file.truncate(0), "EBADF");
      fails(() => file.size, "EBADF");
    });

    it("creates nothing where there is anything, a dangling link too", () => {
      for (const name of ["file", "full", "dangling", "link", "linked"]) {
        fails(() => files.create(at(name), 0o666), "EEXIST");
      }
      assert.ok(!existsSync(at("absent")));
      assert.equal(content("file"), "file");
      fails(() => files.create(at("none/x"), 0o666), "ENOENT");
      fails(() => files.create(at("file/x"), 0o666), "ENOTDIR");
      fails(() => files.create(at("a\0b"), 0o666), "EINVAL");
      fails(() => files.create(at("x".repeat(300)), 0o666), "ENAMETOOLONG");
    });

    it("appends at the end, wherever that is by then", () => {
      const one = files.openAppend(at("log"), 0o666);
      const other = files.openAppend(at("log"), 0o666);
      writeAll(one, text("one\n"), 0);
      writeAll(other, text("two\n"), 0);
      writeAll(one, text("three\n"), 0);
      one.close();
      other.close();
      assert.equal(content("log"), "one\ntwo\nthree\n");
    });

    it("never appends through a link, to a directory, or below a file", () => {
      fails(() => files.openAppend(at("link"), 0o666), "ELOOP");
      fails(() => files.openAppend(at("dangling"), 0o666), "ELOOP");
      fails(() => files.openAppend(at("full"), 0o666), "EISDIR");
      fails(() => files.openAppend(at("file/x"), 0o666), "ENOTDIR");
      fails(() => files.openAppend(at("none/x"), 0o666), "ENOENT");
      assert.ok(!existsSync(at("absent")));
      assert.equal(content("file"), "file");
    });

    it("makes one directory, and removes it where it is empty", () => {
      files.makeDirectory(at("new"), 0o750);
      assert.equal(statSync(at("new")).mode & 0o7027, 0);
      for (const name of ["new", "file", "dangling"]) {
        fails(() => files.makeDirectory(at(name), 0o777), "EEXIST");
      }
      fails(() => files.makeDirectory(at("none/x"), 0o777), "ENOENT");
      fails(() => files.makeDirectory(at("file/x"), 0o777), "ENOTDIR");
      assert.ok(files.removeDirectory(at("new")));
      assert.ok(!files.removeDirectory(at("new")));
      fails(() => files.removeDirectory(at("full")), "ENOTEMPTY");
      fails(() => files.removeDirectory(at("file")), "ENOTDIR");
      fails(() => files.removeDirectory(at("linked")), "ENOTDIR");
    });

    it("renames in the place of a file, and of an empty directory", () => {
      writeFileSync(at("from"), "from");
      writeFileSync(at("to"), "to");
      files.rename(at("from"), at("to"));
      assert.equal(content("to"), "from");
      fails(() => files.rename(at("from"), at("to")), "ENOENT");
      mkdirSync(at("drafts"));
      files.rename(at("drafts"), at("bare"));
      mkdirSync(at("drafts"));
      fails(() => files.rename(at("drafts"), at("full")), "ENOTEMPTY");
      fails(() => files.rename(at("drafts"), at("file")), "ENOTDIR");
      fails(() => files.rename(at("file"), at("drafts")), "EISDIR");
    });

    it("links without replacing, the link itself where it is one", () => {
      writeFileSync(at("first"), "first");
      files.link(at("first"), at("second"));
      assert.equal(statSync(at("first")).ino, statSync(at("second")).ino);
      for (const name of ["second", "dangling", "full"]) {
        fails(() => files.link(at("first"), at(name)), "EEXIST");
      }
      fails(() => files.link(at("none"), at("third")), "ENOENT");
      fails(() => files.link(at("first"), at("none/x")), "ENOENT");
    });

    it("takes names away, and says whether there was one", () => {
      writeFileSync(at("a"), "a");
      linkSync(at("a"), at("b"));
      symlinkSync("a", at("c"));
      assert.ok(files.unlink(at("c")));
      assert.ok(files.unlink(at("a")));
      assert.ok(!files.unlink(at("a")));
      assert.equal(content("b"), "a");
      assert.ok(!files.unlink(at("none/x")));
      fails(() => files.unlink(at("file/x")), "ENOTDIR");
      for (const name of ["full", "full/inner"]) {
        fails(() => files.unlink(at(name)), "EISDIR");
        assert.ok(existsSync(at(name)));
      }
    });

    it("sets times and modes", () => {
      writeFileSync(at("old"), "");
      utimesSync(at("old"), 1000, 1000);
      const start = Date.now();
      files.touch(at("old"));
      assert.ok(statSync(at("old")).mtimeMs > start - 10_000);
      files.setMode(at("old"), 0o444);
      assert.equal(lstatSync(at("old")).mode & 0o777, 0o444);
      fails(() => files.touch(at("none")), "ENOENT");
      fails(() => files.setMode(at("none"), 0o444), "ENOENT");
    });

    it("presses the names in a directory to the disk", async () => {
      await files.syncDirectory(root);
      await files.syncDirectory(at("linked"));
      await failsLater(() => files.syncDirectory(at("none")), "ENOENT");
    });

    it("says what failed in words, with the system's error as the cause", () => {
      const error = failure(() => files.create(at("file"), 0o666));
      assert.ok(error.message.startsWith(`Cannot create ${at("file")}: `));
      assert.ok(error.cause !== undefined);
    });
  });

  describe("writeAll", () => {
    const taking = (counts: number[], got: number[][]): WritableFile => ({
      path: "/f",
      size: 0,
      readAt: () => 0,
      writeAt(bytes, position) {
        const count = Math.min(counts.shift() ?? 0, bytes.length);
        got.push([position, ...bytes.subarray(0, count)]);
        return count;
      },
      truncate() {},
      sync: () => Promise.resolve(),
      close() {},
    });

    it("goes on after short writes, where the last one ended", () => {
      const got: number[][] = [];
      writeAll(taking([2, 1, 9], got), Uint8Array.of(1, 2, 3, 4, 5), 10);
      assert.deepEqual(got, [[10, 1, 2], [12, 3], [13, 4, 5]]);
    });

    it("gives up where nothing is taken", () => {
      const got: number[][] = [];
      const file = taking([2, 0], got);
      fails(() => writeAll(file, Uint8Array.of(1, 2, 3), 0), "EIO");
      assert.equal(got.length, 2);
      writeAll(file, new Uint8Array(0), 0);
    });
  });
}

function failure(call: () => unknown): StorageError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    return error;
  }
  return assert.fail("nothing was thrown");
}

function fails(call: () => unknown, code: string): void {
  const error = failure(call);
  assert.equal(error.code, code, error.message);
}

async function failsLater(
  call: () => Promise<unknown>,
  code: string,
): Promise<void> {
  await assert.rejects(
    call,
    (error) => error instanceof StorageError && error.code === code,
  );
}
