/**
 * A thread that ends in the middle of a push, while its process lives on: what
 * it held is let go by the next push, and not while it lives.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import type { ProcessIdentity } from "../../src/core/owner.ts";
import { systemOwners } from "../../src/runtime/owner.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { rawPush } from "../support/pushes/raw_push.ts";
import {
  backendOver,
  copyOf,
  faultWorld,
  litterIn,
  pushTo,
} from "../support/pushes/fault_world.ts";
import { gitSync } from "../support/git.ts";
import { describe, it } from "../support/test.ts";

describe("a thread that ends in the middle of a push", () => {
  it("holds its locks while it lives, and nothing when it has ended", async () => {
    const world = await faultWorld({ words: "thread" });
    const root = join(temporaryDirectory("thread"), "root");
    copyOf(world, root);
    const other = gitSync(
      ["commit-tree", "-m", "other", "-p", world.tip, `${world.tip}^{tree}`],
      { cwd: join(root, "faulty.git") },
    ).trim();
    const worker = new Worker(
      new URL("../support/pushes/holding_worker.ts", import.meta.url),
      { type: "module" },
    );
    const holder = await new Promise<ProcessIdentity>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage({ root, name: "faulty.git", to: other });
    });
    const owners = systemOwners();
    assert.equal(holder.pid, process.pid);
    assert.notDeepEqual(holder, owners.self);
    assert.ok(!owners.isDead(holder));
    const server = backendOver(root, {}, owners);
    const refused = await pushTo(server, world.bytes);
    assert.equal(refused.report[0], "unpack ok");
    assert.match(refused.report[1] ?? "", /^ng refs\/heads\/main /);
    const held = litterIn(root);
    assert.ok(held.some((name) => name.endsWith("main.lock")), held.join());
    assert.ok(held.some((name) => /tmp_objdir/.test(name)), held.join());
    worker.terminate();
    while (!owners.isDead(holder)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const { tip, pushed } = world;
    const command = { name: "refs/heads/main", old: tip, new: pushed.new };
    const { report } = await pushTo(
      server,
      rawPush([command], pushed.pack, "report-status quiet"),
    );
    assert.deepEqual(report, ["unpack ok", "ok refs/heads/main"]);
    assert.deepEqual(litterIn(root), []);
    server.backend.close();
  });
});
