import assert from "node:assert/strict";
import { toHex } from "../../../../src/core/bytes.ts";
import { Resolution } from "../../../../src/pack/intake/resolution.ts";
import { planResolution } from "../../../../src/pack/intake/resolve_plan.ts";
import {
  FamilyResolver,
  resolvePlainly,
} from "../../../../src/pack/intake/resolver.ts";
import { ProtocolError } from "../../../../src/core/errors.ts";
import { KernelError } from "../../../../src/kernels/types.ts";
import { SHA1 } from "../../../../src/core/oid.ts";
import {
  initOf,
  madeHistory,
  resolverContract,
} from "../../../contract/resolve_deltas.ts";
import { idOf, makePack } from "../../../support/pack_entries.ts";
import { seeded } from "../../../support/random.ts";
import { it } from "../../../support/test.ts";

resolverContract("plain", resolvePlainly);

it("A resolver drops what waits beyond its budget, and makes it again", async () => {
  for (let seed = 1; seed < 9; seed++) {
    const { list, kinds, contents } = madeHistory(seeded(seed), 300, SHA1);
    const made = makePack(list);
    const init = initOf(made);
    const plan = planResolution(made.entries);
    const resolution = new Resolution(init, plan.deltas);
    await new FamilyResolver(resolution, plan, 1500).run();
    assert.equal(resolution.resolved, plan.deltas);
    contents.forEach((data, rank) =>
      assert.equal(
        toHex(made.entries.ids, rank * 20, rank * 20 + 20),
        toHex(idOf(kinds[rank] as 1, data)),
        `seed ${seed}, rank ${rank}`,
      )
    );
  }
});

it("A resolver refuses what was made to collide, in git's words", async () => {
  const { list } = madeHistory(seeded(3), 40, SHA1);
  const made = makePack(list);
  const objectHash = () => ({
    update() {},
    digest: () => {
      throw new KernelError("collision", "SHA-1 appears to be part of one");
    },
  });
  const init = initOf(made);
  await assert.rejects(
    resolvePlainly({ ...init, kernels: { ...init.kernels, objectHash } }),
    (error) =>
      error instanceof ProtocolError && error.code === "collision" &&
      error.message === "SHA-1 appears to be part of one",
  );
});
