import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { directoryBackend, hookSource } from "../../src/compose.ts";
import { toBinary } from "../../src/core/bytes.ts";
import { SHA1 } from "../../src/core/oid.ts";
import type { RefName } from "../../src/core/ref_name.ts";
import type { PushHooks } from "../../src/service/receive_pack/push_hooks.ts";
import type { ServiceContext } from "../../src/service/types.ts";
import { GIT_TERMS } from "../../src/service/types.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { gitEnvironment, gitSync } from "../support/git.ts";
import {
  hookCase,
  prefixOf,
  pushToGit,
  pushToHooks,
  removeCase,
} from "../support/hook_world.ts";
import { seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";
import { Peer } from "../unit/server/fake_threads.ts";
import { KeptLog } from "../unit/server/fakes.ts";
import { CLOCK, KERNELS, LIMITS } from "../unit/service/talk.ts";

/** The hooks of a push on a repository on disk. */
async function hooksOf(path: string, namespace: string): Promise<PushHooks> {
  const environment = gitEnvironment();
  const backend = directoryBackend({
    mode: "suffixes",
    env: (name) => environment[name],
  });
  return await hookSource(undefined).open({
    repository: await backend.openRepository(path),
    connection: new Peer(""),
    protocol: 0,
    clock: CLOCK,
    logger: new KeptLog(),
    kernels: KERNELS as unknown as ServiceContext["kernels"],
    signal: new AbortController().signal,
    limits: LIMITS,
    agent: "test",
    terms: { ...GIT_TERMS, namespace: prefixOf(namespace) },
  });
}

describe("hooks of a push", () => {
  for (let seed = 1; seed <= 10; seed++) {
    it(`are run as git runs them: seed ${seed}`, async () => {
      const world = hookCase(seeded(seed));
      const expected = await pushToGit(world);
      const hooks = await hooksOf(
        join(world.root, "ours", "r"),
        world.namespace,
      );
      const ours = await pushToHooks(world, hooks);
      removeCase(world);
      assert.deepEqual(ours, expected);
    });
  }

  it("cannot change refs while objects are in quarantine", async () => {
    const path = temporaryDirectory("quarantined");
    gitSync(["init", "-q", "--bare", "--template=", path]);
    mkdirSync(join(path, "hooks"));
    const tree = gitSync(["hash-object", "-t", "tree", "-w", "--stdin"], {
      cwd: path,
    }).trim();
    const file = join(path, "hooks", "pre-receive");
    writeFileSync(file, `#!/bin/sh\ngit update-ref refs/x ${tree}\n`);
    chmodSync(file, 0o755);
    const hooks = await hooksOf(path, "");
    const refs = [
      { name: "refs/heads/a" as RefName, old: SHA1.zero, new: SHA1.zero },
    ];
    const objects = join(path, "objects");
    const quarantine = join(objects, "tmp_objdir-incoming-A");
    mkdirSync(quarantine);
    let said = "";
    const isOpen = await hooks.preReceive({ refs }, {
      GIT_QUARANTINE_PATH: quarantine,
      GIT_OBJECT_DIRECTORY: quarantine,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
    }, (bytes) => {
      said += toBinary(bytes);
      return Promise.resolve();
    });
    assert.match(said, /ref updates forbidden inside quarantine environment/);
    assert.ok(!isOpen);
  });
});
