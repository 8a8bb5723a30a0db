/**
 * Whole pushes whose disk fails at the n-th call, for every n: that call alone,
 * with each code of the system; every call from there on that takes room;
 * writes that take half; the end of the process. Afterwards the repository is
 * whole, what was said is true, nothing is left, and the next push succeeds.
 *
 * `GITSRV_TEST_EVERY_FAULT=1` lets every call fail in every way; otherwise ways
 * take turns.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import type { Fault } from "../support/failing_files.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import {
  Checker,
  checkNext,
  checkTruth,
  survivor,
} from "../support/pushes/fault_check.ts";
import {
  backendOver,
  copyOf,
  type FaultMode,
  type FaultWorld,
  faultWorld,
  litterIn,
  pushTo,
} from "../support/pushes/fault_world.ts";
import { describe, it } from "../support/test.ts";

const IS_EVERY = process.env.GITSRV_TEST_EVERY_FAULT === "1";
/** Of other ways than single calls, and of calls that only look. */
const RARE = 4;
const CODES = ["ENOSPC", "EIO", "EROFS", "EMFILE", "EDQUOT"];

interface Mode extends FaultMode {
  /** Every so many-th call fails, unless all are asked for: each, unless told. */
  readonly step?: number;
}

const MODES: readonly Mode[] = [
  {
    words: "loose objects, loose refs, reflogs",
    settings: ["core.logAllRefUpdates=true"],
  },
  {
    words: "packs, atomic, reflogs, info/refs",
    settings: [
      "receive.unpackLimit=1",
      "core.logAllRefUpdates=always",
      "receive.updateServerInfo=true",
    ],
    capabilities: "atomic",
  },
  {
    words: "packs, reftables, reflogs",
    refs: "reftable",
    settings: ["receive.unpackLimit=1", "core.logAllRefUpdates=true"],
  },
  {
    words: "loose objects, reftables, atomic",
    refs: "reftable",
    capabilities: "atomic",
    step: 2,
  },
  {
    words: "from a shallow clone",
    isShallow: true,
    settings: ["receive.shallowUpdate=true", "receive.unpackLimit=1"],
    step: 2,
  },
  {
    words: "into a repository that it makes",
    isNew: true,
    step: 2,
  },
  {
    words: "more than a thousand creations",
    creations: 1002,
    settings: ["receive.unpackLimit=1"],
    step: 211,
  },
];

/** The ways in which one call is to fail. */
function* faultsAt(at: number, offset: number): Generator<Fault> {
  const codes = IS_EVERY
    ? CODES
    : [CODES[(at + offset) % CODES.length] as string];
  for (const code of codes) yield { at, kind: "fails", code };
  const others: Fault[] = [
    { at, kind: "full", code: "ENOSPC" },
    { at, kind: "crash" },
    { at, kind: "short" },
  ];
  if (IS_EVERY) return yield* others;
  const turn = at + offset;
  if (turn % RARE === 0) yield others[(turn / RARE) % others.length] as Fault;
}

class Run {
  readonly #world: FaultWorld;
  readonly #root: string = join(temporaryDirectory("fault"), "root");
  readonly #checker: Checker = new Checker();

  constructor(world: FaultWorld) {
    this.#world = world;
  }

  /** How many calls a push takes when nothing fails. */
  async callsOf(counts: "changes" | "looks"): Promise<number> {
    copyOf(this.#world, this.#root);
    const server = backendOver(this.#root, { counts }, "living");
    const { report } = await pushTo(server, this.#world.bytes);
    server.backend.close();
    assert.deepEqual(
      report,
      ["unpack ok", ...this.#world.commands.map(({ name }) => `ok ${name}`)],
    );
    assert.deepEqual(litterIn(this.#root), []);
    await this.#checker.check(server, "without a fault");
    return server.files.calls;
  }

  /** One push under a fault, and the next one. */
  async fail(fault: Fault, counts: "changes" | "looks"): Promise<void> {
    const [world, root] = [this.#world, this.#root];
    copyOf(world, root);
    const isCrash = fault.kind === "crash";
    const server = backendOver(
      root,
      { counts, fault },
      isCrash ? "dead" : "living",
    );
    const push = await pushTo(
      server,
      world.bytes,
      isCrash ? "until-fault" : "all",
    );
    const where = `${world.mode.words}: ${JSON.stringify(fault)}, ` +
      `${server.files.failed ?? "nothing"}: ${push.report.join("|")}`;
    if (fault.kind === "short") {
      assert.equal(push.report[0], "unpack ok", where);
      assert.ok(!push.report.some((line) => line.startsWith("ng")), where);
    }
    const refs = await checkTruth(
      world,
      root,
      push,
      fault.kind === "fails" ? "refused-is-old" : "old-or-new",
      where,
    );
    if (!isCrash) assert.deepEqual(litterIn(root), [], where);
    await this.#checker.check(server, where);
    // The process lives on, with what it remembers; or another one comes.
    server.files.heal();
    const next = isCrash ? survivor(root) : server;
    await checkNext(world, root, next, refs, where);
    await this.#checker.check(server, where);
    server.backend.close();
    next.backend.close();
  }
}

describe("a push", () => {
  it("is on the disk before it is told, each part before what needs it", async () => {
    const world = await faultWorld({
      words: "order",
      settings: ["receive.unpackLimit=1", "gitsrv.fsync=full"],
    });
    const root = join(temporaryDirectory("order"), "root");
    copyOf(world, root);
    const server = backendOver(root, { syncs: "real" }, "living");
    const { report } = await pushTo(server, world.bytes);
    server.backend.close();
    assert.equal(report[0], "unpack ok");
    const { trace } = server.files;
    const at = (event: RegExp) => {
      const found = trace.findIndex((line) => event.test(line));
      assert.ok(found >= 0, `${event} in\n${trace.join("\n")}`);
      return found;
    };
    const whole = Math.max(
      at(/^synced .*\/tmp_pack_XXXXXX$/),
      at(/^synced .*\/tmp_idx_XXXXXX$/),
      at(/^synced .*\/tmp_rev_XXXXXX$/),
    );
    const steps = [
      whole,
      at(/^link faulty.git\/objects\/pack\/pack-.*\.pack$/),
      at(/^link faulty.git\/objects\/pack\/pack-.*\.idx$/),
      at(/^synced faulty.git\/objects\/pack$/),
      at(/^rename faulty.git\/refs\/heads\/main$/),
      at(/^synced faulty.git\/refs\/heads$/),
      trace.lastIndexOf("said"),
    ];
    assert.deepEqual(steps, [...steps].sort((a, b) => a - b), trace.join("\n"));
    // The lock's content, which the rename makes the ref's.
    const content = trace.findIndex((line) =>
      line.startsWith("synced faulty.git/gitsrv-locks-")
    );
    assert.ok(content >= 0 && content < (steps[4] as number));
    assert.ok(at(/^unlink .*\.keep$/) > (steps[5] as number));
  });
});

describe("a push to a disk that fails", () => {
  for (const [i, mode] of MODES.entries()) {
    const step = IS_EVERY ? 1 : mode.step ?? 1;
    it(`loses and leaves nothing: ${mode.words}`, {
      timeout: IS_EVERY ? 3_600_000 : 120_000,
    }, async () => {
      const run = new Run(await faultWorld(mode));
      const calls = await run.callsOf("changes");
      assert.ok(calls > 15, `${calls}`);
      for (let at = 1; at <= calls; at += step) {
        for (const fault of faultsAt(at, i)) await run.fail(fault, "changes");
      }
    });

    it(`says no lie where reading fails: ${mode.words}`, {
      timeout: IS_EVERY ? 3_600_000 : 120_000,
    }, async () => {
      const run = new Run(await faultWorld(mode));
      const calls = await run.callsOf("looks");
      const codes = IS_EVERY ? ["EIO", "EMFILE"] : ["EIO"];
      const stride = IS_EVERY ? 1 : step * RARE;
      for (let at = 1 + i % stride; at <= calls; at += stride) {
        for (const code of codes) {
          await run.fail({ at, kind: "fails", code }, "looks");
        }
      }
    });
  }
});
