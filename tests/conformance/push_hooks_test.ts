import assert from "node:assert/strict";
import { join } from "node:path";
import { directoryBackend, hookSource } from "../../src/compose.ts";
import type { ServiceContext } from "../../src/service/types.ts";
import { GIT_TERMS } from "../../src/service/types.ts";
import { gitEnvironment } from "../support/git.ts";
import {
  hookCase,
  prefixOf,
  pushToGit,
  pushToHooks,
  removeCase,
} from "../support/hook_world.ts";
import { seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";
import { KeptLog } from "../unit/server/fakes.ts";
import { Peer } from "../unit/server/fake_threads.ts";
import { CLOCK, KERNELS, LIMITS } from "../unit/service/talk.ts";

describe("hooks of a push are run as git runs them", () => {
  for (let seed = 1; seed <= 10; seed++) {
    it(`with seed ${seed}`, async () => {
      const world = hookCase(seeded(seed));
      const expected = await pushToGit(world);
      const environment = gitEnvironment();
      const backend = directoryBackend({
        mode: "suffixes",
        env: (name) => environment[name],
      });
      const context: ServiceContext = {
        repository: await backend.openRepository(
          join(world.root, "ours", "r"),
        ),
        connection: new Peer(""),
        protocol: 0,
        clock: CLOCK,
        logger: new KeptLog(),
        kernels: KERNELS as unknown as ServiceContext["kernels"],
        signal: new AbortController().signal,
        limits: LIMITS,
        agent: "test",
        terms: { ...GIT_TERMS, namespace: prefixOf(world.namespace) },
      };
      const hooks = await hookSource(undefined).open(context);
      const ours = await pushToHooks(world, hooks);
      removeCase(world);
      assert.deepEqual(ours, expected);
    });
  }
});
