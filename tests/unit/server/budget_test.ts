import assert from "node:assert/strict";
import { join } from "node:path";
import { selectKernels } from "../../../src/kernels/select.ts";
import type { FileSystem } from "../../../src/core/host.ts";
import { ObjectSet } from "../../../src/core/object_set.ts";
import { select } from "../../../src/graph/select.ts";
import { NODE_FILES } from "../../../src/runtime/files.ts";
import { LIGHT } from "../../../src/server/light_repositories.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import { uploadPack } from "../../../src/service/upload_pack/service.ts";
import { FileBackend } from "../../../src/storage/files/backend.ts";
import type { FileRepository } from "../../../src/storage/files/repository.ts";
import type {
  ObjectStore,
  Repository,
  Snapshot,
} from "../../../src/storage/types.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../../support/fixture_directory.ts";
import { importStream } from "../../support/fixture.ts";
import { FastImport } from "../../support/fixture_history.ts";
import { gitSync } from "../../support/git.ts";
import { after, before, describe, it } from "../../support/test.ts";
import { CLOCK, LIMITS, pkts } from "../service/talk.ts";
import { countingFiles } from "../storage/files/support.ts";
import { FakeThreads, Peer } from "./fake_threads.ts";
import { KeptLog } from "./fakes.ts";

const KERNELS = selectKernels();
const COMMITS = 6000;
const FIRST = 1_600_000_000;

/** 18,000 objects in one pack: a commit, a tree and a blob each time. */
function makeRepository(path: string): string {
  gitSync(["init", "-q", "--bare", "-b", "main", path]);
  const stream = new FastImport();
  let parents: number[] = [];
  for (let i = 0; i < COMMITS; i++) {
    const changes = [stream.file(`dir${i % 7}/file${i % 40}`, `${i}\n`)];
    const ref = "refs/heads/main";
    const spec = { ref, parents, date: FIRST + i, changes };
    parents = [stream.commit(spec).mark];
  }
  importStream(path, stream, "packed");
  return gitSync(["rev-parse", "main"], { cwd: path }).trim();
}

function open(path: string, fileSystem: FileSystem): Promise<FileRepository> {
  return new FileBackend({
    exposure: { rules: "friendly", root: path },
    fileSystem,
    kernels: KERNELS,
    logger: new KeptLog(),
    owners: { uid: fileSystem.stat(path)?.uid ?? -1 },
  }).openRepository("/");
}

/** A store that counts what is asked of it since it was looked at last. */
class CountedWork {
  /** Commits and other single objects that were looked at. */
  objects = 0;
  /** Trees that were expanded, and bytes of them. */
  trees = 0;
  readonly store: ObjectStore;

  constructor(store: ObjectStore) {
    const count =
      <A extends unknown[], R>(call: (...args: A) => R) => (...args: A): R => {
        this.objects++;
        return call(...args);
      };
    this.store = new Proxy(store, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== "function") return value;
        const method = value.bind(target);
        if (name === "expandTrees") {
          return (trees: Int32Array, seen: ObjectSet, found: never) => {
            this.trees += trees.length;
            return method(trees, seen, found);
          };
        }
        return SINGLE.has(name) ? count(method) : method;
      },
    });
  }

  forget(): void {
    this.objects = 0;
    this.trees = 0;
  }
}

const SINGLE: ReadonlySet<string | symbol> = new Set([
  ...["commitTree", "commitTime", "kind", "read", "tagTarget"],
]);

describe("work on the thread that owns the sockets", () => {
  let directory: string;
  let path: string;
  let tip: string;

  before(() => {
    directory = temporaryDirectory("budget");
    path = join(directory, "heavy.git");
    tip = makeRepository(path);
  });
  after(() => removeDirectory(directory));

  for (const protocol of [0, 2] as const) {
    it(`opens no pack and reads no ref of a heavy one in v${protocol}`, async () => {
      const { files, counts, forget } = countingFiles();
      const repository = await open(path, files);
      const threads = new FakeThreads(await open(path, NODE_FILES), 2);
      const request = protocol === 0
        ? pkts(`want ${tip} side-band-64k ofs-delta`, "0000", "done")
        : pkts(
          ...["command=ls-refs", "object-format=sha1", "0001", "0000"],
          ...["command=fetch", "object-format=sha1", "0001", "ofs-delta"],
          ...[`want ${tip}`, "done", "0000"],
        ) + "0000";
      forget();
      const peer = new Peer(request);
      await serve(peer, repository, { protocol, errands: threads.pool });
      assert.ok(peer.text.includes("PACK"), "a pack was sent");
      const { stat = 0, ...others } = Object.fromEntries(counts);
      assert.deepEqual(others, {});
      // Three for each errand, and for the look before the first.
      assert.ok(stat <= 9, `${stat} stats`);
    });
  }

  it("takes no repository for light whose objects unpack to much", async () => {
    for (const [size, isLight] of [[100_000, true], [20_000_000, false]]) {
      const small = join(directory, `zeros-${size}.git`);
      gitSync(["init", "-q", "--bare", "-b", "main", small]);
      const stream = new FastImport();
      const ref = "refs/heads/main";
      const changes = [stream.file("zeros", "\0".repeat(Number(size)))];
      stream.commit({ ref, parents: [], date: FIRST, changes });
      importStream(small, stream, "packed");
      const repository = await open(small, NODE_FILES);
      using snapshot = await repository.snapshot();
      const { bytes = 0 } = snapshot.weight?.() ?? {};
      assert.equal(bytes <= LIGHT.bytes, isLight, `${size}: ${bytes}`);
    }
  });

  it("is cut into steps of so many objects, and yields between them", async () => {
    const repository = await open(path, NODE_FILES);
    using snapshot: Snapshot = await repository.snapshot();
    const work = new CountedWork(snapshot.objects);
    const { store } = work;
    const wants = [store.find(tip as never)];
    const cut = new ObjectSet();
    const request = { wants, haves: [], cut, bases: false };
    let most = { objects: 0, trees: 0 };
    const steps = <T>(generator: Generator<number, T, void>): T => {
      for (;;) {
        work.forget();
        const step = generator.next();
        most = {
          objects: Math.max(most.objects, work.objects),
          trees: Math.max(most.trees, work.trees),
        };
        if (step.done === true) return step.value;
      }
    };
    const { objects, members } = steps(select(store, request));
    assert.equal(objects.length, 3 * COMMITS + treesAbove());
    // 4096 commits are looked at three times each at most.
    assert.ok(most.objects <= 4096 * 3, `${most.objects} objects`);
    assert.ok(most.trees <= 256, `${most.trees} trees`);
    let yields = 0;
    const planning = store.planPack({ objects, members, ofsDelta: true });
    let plan = planning.next();
    for (; plan.done !== true; plan = planning.next()) yields++;
    assert.ok(yields >= Math.floor(objects.length / (8 * 4096)));
    using bytes = plan.value.open(KERNELS.hash(repository.format));
    const into = new Uint8Array(64 * 1024);
    while (bytes.read(into) === into.length);
  });
});

/** Every commit has a root tree and one directory that changed. */
function treesAbove(): number {
  return COMMITS;
}

async function serve(
  peer: Peer,
  repository: Repository,
  options: {
    readonly protocol: 0 | 2;
    readonly errands: FakeThreads["pool"];
  },
): Promise<void> {
  await uploadPack({
    repository,
    connection: peer,
    protocol: options.protocol,
    clock: CLOCK,
    logger: new KeptLog(),
    kernels: KERNELS,
    signal: new AbortController().signal,
    limits: LIMITS,
    agent: "test/1",
    terms: GIT_TERMS,
    errands: options.errands,
  });
}
