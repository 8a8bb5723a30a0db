/**
 * Real git clients against the server: every kind of clone and fetch, every
 * protocol version, both object formats, over git:// and over a command. The
 * client must end exactly as it does with `git upload-pack`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "../support/test.ts";
import {
  buildFixture,
  copyRepository,
  type Fixture,
  OBJECT_FORMATS,
  type ObjectFormat,
} from "../support/fixture.ts";
import { advancedCopy } from "../support/fixture_advance.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { FIRST_DATE } from "../support/fixture_history.ts";
import { git, tryGit } from "../support/git.ts";
import { itInParallel, type Job } from "../support/git_jobs.ts";
import {
  fsck,
  headText,
  lines,
  reachableSet,
  refs,
  shallowFile,
} from "../support/git_repository.ts";
import { startDaemon, uploadPackScript } from "../support/server.ts";

type Version = 0 | 1 | 2;
const VERSIONS: readonly Version[] = [0, 1, 2];

/** How a client reaches the repository. */
interface Transport {
  readonly name: string;
  /** The URL of a repository below the root. */
  remote(path: string): string;
  /** Options for clone, fetch and ls-remote. */
  options(): string[];
}

/** One thing a client does. */
interface Operation {
  readonly name: string;
  /** The state that the client starts from. */
  readonly client: "none" | "full" | "shallow";
  /** What must be equal to the origin itself, beyond equality to git. */
  readonly equals?: "mirror" | "branches";
  /** Arguments, before those of the transport. */
  readonly args: readonly string[];
}

const CLONE = ["clone", "--quiet", "--no-local", "--no-checkout"];
const FETCH = ["fetch", "--quiet"];

const OPERATIONS: readonly Operation[] = [
  { name: "clone", client: "none", equals: "branches", args: CLONE },
  {
    name: "clone --mirror",
    client: "none",
    equals: "mirror",
    args: ["clone", "--quiet", "--no-local", "--mirror"],
  },
  { name: "clone --depth=1", client: "none", args: [...CLONE, "--depth=1"] },
  {
    name: "clone --depth=3 of all branches",
    client: "none",
    args: [...CLONE, "--depth=3", "--no-single-branch"],
  },
  {
    name: "clone --shallow-since",
    client: "none",
    args: [
      ...CLONE,
      `--shallow-since=${FIRST_DATE + 150 * 60}`,
      "--no-single-branch",
    ],
  },
  {
    name: "clone --shallow-exclude",
    client: "none",
    args: [...CLONE, "--shallow-exclude=v0.3", "--shallow-exclude=topic/a"],
  },
  {
    name: "fetch of what is new",
    client: "full",
    equals: "branches",
    args: [...FETCH, "--prune"],
  },
  {
    name: "fetch --depth=4 into a full clone",
    client: "full",
    args: [...FETCH, "--depth=4"],
  },
  {
    name: "fetch into a shallow clone",
    client: "shallow",
    args: FETCH,
  },
  {
    name: "fetch --deepen=3",
    client: "shallow",
    args: [...FETCH, "--deepen=3"],
  },
  {
    name: "fetch --depth=5",
    client: "shallow",
    args: [...FETCH, "--depth=5"],
  },
  {
    name: "fetch --shallow-since",
    client: "shallow",
    args: [...FETCH, `--shallow-since=${FIRST_DATE + 120 * 60}`],
  },
  {
    name: "fetch --unshallow",
    client: "shallow",
    args: [...FETCH, "--unshallow"],
  },
];

const LS_REMOTE: readonly (readonly string[])[] = [
  [],
  ["--symref"],
  ["--refs"],
  ["--heads"],
  ["--tags", "--refs"],
  ["--symref", "REMOTE", "HEAD", "refs/remotes/*"],
  ["REMOTE", "main", "v0.*", "topic/*"],
  ["--exit-code", "REMOTE", "no-such-name"],
];

/** What a client holds after an operation. */
interface ClientState {
  readonly head: string;
  readonly refs: readonly string[];
  readonly shallow: readonly string[];
  readonly objects: readonly string[];
  readonly fsck: unknown;
}

/** The origins and client templates of one format. */
interface World {
  readonly origin: Fixture;
  readonly advanced: Fixture;
  readonly full: string;
  readonly shallow: string;
}

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("clone");
const worlds = new Map<ObjectFormat, World>();
for (const format of OBJECT_FORMATS) {
  worlds.set(format, await buildWorld(format));
}
const daemon = await startDaemon({
  args: ["--export-all", `--base-path=${root}`],
});
const script = uploadPackScript();
const expected = new Map<string, Promise<ClientState>>();
let nextClient = 0;

const FILE: Transport = {
  name: "file",
  remote: (path) => `file://${path}`,
  options: () => [],
};

const TRANSPORTS: readonly Transport[] = [
  {
    name: "git://",
    remote: (path) => daemon.url(path.slice(root.length)),
    options: () => [],
  },
  {
    name: "serve-command",
    remote: (path) => path,
    options: () => [`--upload-pack=${script}`],
  },
];

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

for (const format of OBJECT_FORMATS) {
  for (const transport of TRANSPORTS) {
    for (const version of VERSIONS) {
      describe(`${format} over ${transport.name}, protocol v${version}`, () => {
        itInParallel([
          ...OPERATIONS.map((operation): Job => ({
            title: `${operation.name} ends as it does with git`,
            run: () => check(operation, format, transport, version),
          })),
          {
            title: "ls-remote prints what it prints with git",
            run: () => checkLsRemote(format, transport, version),
          },
        ]);
      });
    }
  }
}

async function check(
  operation: Operation,
  format: ObjectFormat,
  transport: Transport,
  version: Version,
): Promise<void> {
  const world = worldOf(format);
  const key = `${operation.name} ${format} ${version}`;
  const want = expected.get(key) ?? perform(operation, world, FILE, version);
  expected.set(key, want);
  const state = await perform(operation, world, transport, version);
  const reference = await want;
  const context = `${key} over ${transport.name}, seed ${world.origin.seed}`;
  // The fixture must make the operation cut the history somewhere.
  const cuts = /depth|deepen|shallow-/.test(operation.name);
  if (cuts) assert.notDeepEqual(reference.shallow, [], `no cut: ${context}`);
  assert.deepEqual(state.fsck, reference.fsck, `fsck: ${context}`);
  assert.equal(state.head, reference.head, `HEAD: ${context}`);
  assert.deepEqual(state.refs, reference.refs, `refs: ${context}`);
  assert.deepEqual(state.shallow, reference.shallow, `shallow: ${context}`);
  assert.deepEqual(state.objects, reference.objects, `objects: ${context}`);
  await checkAgainstOrigin(operation, world, state);
}

/** A clone or a pruning fetch has the origin's refs, under their new names. */
async function checkAgainstOrigin(
  operation: Operation,
  world: World,
  state: ClientState,
): Promise<void> {
  const { path } = operation.client === "none" ? world.origin : world.advanced;
  if (operation.equals === "mirror") {
    assert.deepEqual(state.refs, await refs(path));
    assert.equal(state.head, headText(path));
    assert.deepEqual(state.fsck, await fsck(path));
  } else if (operation.equals === "branches") {
    const heads = (await refs(path, "refs/heads")).map((line) =>
      line.replace(" refs/heads/", " refs/remotes/origin/")
    );
    const tags = await refs(path, "refs/tags");
    const ours = state.refs.filter((line) =>
      line.includes(" refs/tags/") ||
      (line.includes(" refs/remotes/origin/") && !line.endsWith("/HEAD"))
    );
    assert.deepEqual(ours.sort(), [...heads, ...tags].sort());
  }
}

async function perform(
  operation: Operation,
  world: World,
  transport: Transport,
  version: Version,
): Promise<ClientState> {
  const directory = join(root, `client-${nextClient++}`);
  const options = [...operation.args, ...transport.options()];
  if (operation.client === "none") {
    const url = transport.remote(world.origin.path);
    await git([...options, url, directory], { protocol: version });
  } else {
    copyRepository(world[operation.client], directory);
    const url = transport.remote(world.advanced.path);
    await git(["config", "remote.origin.url", url], { cwd: directory });
    await git([...options, "origin"], { cwd: directory, protocol: version });
  }
  const state = {
    head: headText(directory),
    refs: await refs(directory),
    shallow: shallowFile(directory),
    objects: await reachableSet(directory),
    fsck: await fsck(directory),
  };
  rmSync(directory, { recursive: true, force: true });
  return state;
}

async function checkLsRemote(
  format: ObjectFormat,
  transport: Transport,
  version: Version,
): Promise<void> {
  const { path } = worldOf(format).origin;
  for (const args of LS_REMOTE) {
    const [want, got] = await Promise.all(
      [FILE, transport].map((each) => {
        const url = each.remote(path);
        const words = args.includes("REMOTE")
          ? args.map((word) => word === "REMOTE" ? url : word)
          : [...args, url];
        return tryGit(["ls-remote", ...each.options(), ...words], {
          protocol: version,
        });
      }),
    );
    assert.equal(got?.code, want?.code, `ls-remote ${args.join(" ")}`);
    assert.deepEqual(
      lines(got?.stdout ?? ""),
      lines(want?.stdout ?? ""),
      `ls-remote ${args.join(" ")}`,
    );
  }
}

function worldOf(format: ObjectFormat): World {
  const world = worlds.get(format);
  if (world === undefined) throw new Error(`No fixture for ${format}`);
  return world;
}

async function buildWorld(format: ObjectFormat): Promise<World> {
  const origin = buildFixture({ path: join(root, `${format}.git`), format });
  const advanced = advancedCopy(origin, join(root, `${format}-new.git`));
  const full = join(root, `${format}-full`);
  const shallow = join(root, `${format}-shallow`);
  const url = `file://${origin.path}`;
  await git([...CLONE, url, full]);
  await git([...CLONE, "--depth=2", "--no-single-branch", url, shallow]);
  return { origin, advanced, full, shallow };
}
