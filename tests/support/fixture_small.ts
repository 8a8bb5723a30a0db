/**
 * Small repositories for tests that only need something to be served: a few
 * commits, a branch, tags. Built in a few tens of milliseconds.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyRepository, importStream, type ObjectFormat } from "./fixture.ts";
import { FastImport, FIRST_DATE } from "./fixture_history.ts";
import { gitSync } from "./git.ts";
import { seeded } from "./random.ts";

/** A small repository and the objects that tests ask for by id. */
export interface SmallRepository {
  /** Absolute path of the bare repository. */
  readonly path: string;
  /** `refs/heads/main`, ten commits. */
  readonly main: string;
  /** The parent of main: a commit that no ref names. */
  readonly parent: string;
  /** A blob of main's tree. */
  readonly blob: string;
  /** The tag object of `refs/tags/v1`, which names main. */
  readonly tag: string;
  /** `refs/hidden/one`: a commit that main does not reach. */
  readonly hidden: string;
  /** A commit that no ref reaches. */
  readonly unreachable: string;
}

/** Builds one; the content depends on `label`. */
export function smallRepository(
  path: string,
  options: {
    readonly format?: ObjectFormat;
    readonly label?: string;
    /** Adds an incompressible blob of so many MiB to main. */
    readonly bigMebibytes?: number;
  } = {},
): SmallRepository {
  const { format = "sha1", label = "small", bigMebibytes = 0 } = options;
  emptyRepository(path, format);
  const stream = new FastImport();
  let parent: number | undefined;
  for (let i = 0; i < 10; i++) {
    const changes = [
      stream.file("file", `${label} ${i}\n`),
      stream.file(`dir/${i}`, `${label} in dir ${i}\n`),
    ];
    if (i === 0 && bigMebibytes > 0) {
      changes.push(stream.file("big", incompressible(bigMebibytes)));
    }
    parent = stream.commit({
      ref: "refs/heads/main",
      parents: parent === undefined ? [] : [parent],
      date: FIRST_DATE + i * 60,
      changes,
    }).mark;
  }
  if (parent !== undefined) stream.tag("v1", parent, FIRST_DATE + 700);
  for (const ref of ["refs/hidden/one", "refs/heads/gone"]) {
    stream.commit({
      ref,
      parents: parent === undefined ? [] : [parent],
      date: FIRST_DATE + 800,
      changes: [stream.file("only", `${label} ${ref}\n`)],
    });
  }
  importStream(path, stream, bigMebibytes > 0 ? "packed" : "loose");
  const ids = gitSync([
    "rev-parse",
    "main",
    "main^",
    "main:file",
    "v1",
    "refs/hidden/one",
    "gone",
  ], { cwd: path }).trim().split("\n");
  gitSync(["update-ref", "-d", "refs/heads/gone"], { cwd: path });
  const id = (index: number): string => ids[index] ?? "";
  return {
    path,
    main: id(0),
    parent: id(1),
    blob: id(2),
    tag: id(3),
    hidden: id(4),
    unreachable: id(5),
  };
}

/** Says that git daemon may export a repository. */
export function exportOk(path: string): void {
  writeFileSync(join(path, "git-daemon-export-ok"), "");
}

/** The same MiB again and again: further apart than zlib looks back. */
function incompressible(mebibytes: number): Uint8Array {
  const block = seeded(5).bytes(1 << 20);
  const out = new Uint8Array(mebibytes << 20);
  for (let i = 0; i < mebibytes; i++) out.set(block, i << 20);
  return out;
}
