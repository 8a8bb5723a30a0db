/**
 * Repositories whose trees are alike in many places: few names and few
 * contents, so that the same trees and blobs come up again at other depths and
 * under other paths, which is where filters differ.
 *
 * @module
 */

import { emptyRepository, importStream } from "../fixture.ts";
import { FastImport, FIRST_DATE } from "../fixture_history.ts";
import { gitSync } from "../git.ts";
import { lines } from "../git_repository.ts";
import { seeded } from "../random.ts";

/** A repository full of repetitions. */
export interface Tangle {
  /** Ids of all objects by their kinds. */
  readonly kinds: ReadonlyMap<string, readonly string[]>;
  /** Ids of blobs with patterns. */
  readonly sparse: readonly string[];
}

const PATTERNS: readonly string[] = [
  "a\n",
  "/a/\n!a/b\n",
  "*\n!b/\n",
  "/*/a/**\n",
  "**/c/?\n!/c/\n",
  "b/c\n[!a]\n",
];

/** Makes the repository that `seed` means at `path`. */
export function makeTangle(seed: number, path: string): Tangle {
  const random = seeded(seed);
  emptyRepository(path, "sha1");
  const stream = new FastImport();
  const blobs = Array.from(
    { length: 6 },
    (_, i) => stream.blob(`${i}\n`.repeat(1 + i * i)),
  );
  let parents: number[] = [];
  for (let i = 0; i < 24; i++) {
    const paths = new Map<string, string>();
    for (let files = 1 + random.int(7); files > 0; files--) {
      const depth = 1 + random.int(5);
      const path = Array.from(
        { length: depth },
        () => random.pick(["a", "b", "c"]),
      );
      paths.set(
        path.join("/"),
        `M 100644 :${random.pick(blobs)} ${path.join("/")}`,
      );
    }
    const { mark } = stream.commit({
      ref: "refs/heads/main",
      parents,
      date: FIRST_DATE + i * 10,
      changes: ["deleteall", ...paths.values()],
    });
    parents = [mark];
    if (random.int(6) === 0) stream.tag(`t${i}`, mark, FIRST_DATE);
  }
  importStream(path, stream, "loose");
  if (seed % 2 === 1) {
    // A bitmap would be used for what git walks here.
    const config = ["-c", "repack.writeBitmaps=false"];
    gitSync([...config, "repack", "-adfq"], { cwd: path });
  }
  const kinds = new Map<string, string[]>();
  const listed = gitSync(
    [
      "cat-file",
      "--batch-check=%(objecttype) %(objectname)",
      "--batch-all-objects",
    ],
    { cwd: path },
  );
  for (const line of lines(listed)) {
    const [kind = "", oid = ""] = line.split(" ");
    kinds.set(kind, [...kinds.get(kind) ?? [], oid]);
  }
  const sparse = PATTERNS.map((input) =>
    gitSync(["hash-object", "-w", "--stdin"], { cwd: path, input }).trim()
  );
  return { kinds, sparse };
}
