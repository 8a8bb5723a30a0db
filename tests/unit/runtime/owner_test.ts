/**
 * Who is proved dead, and who is not: this machine's processes, and those of a
 * system that is made up.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import process from "node:process";
import {
  formatIdentity,
  parseIdentity,
  type ProcessIdentity,
} from "../../../src/core/owner.ts";
import {
  ownersOf,
  type ProcessTable,
  systemOwners,
} from "../../../src/runtime/owner.ts";
import { describe, it } from "../../support/test.ts";

const ID = "0123456789abcdef0123456789abcdef";
const FIRST = "pid:[4026531836]";

interface World {
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly free?: readonly number[];
}

function worldOf({ files = {}, links = {}, free = [] }: World): ProcessTable {
  const allFiles: Record<string, string> = {
    "/etc/machine-id": `${ID}\n`,
    "/proc/sys/kernel/random/boot_id": "boot-1\n",
    "/proc/7/stat": statLine(7, "gitsrv", "S", 5, "700"),
    ...files,
  };
  const allLinks: Record<string, string> = {
    "/proc/self": "7",
    "/proc/self/ns/pid": FIRST,
    "/proc/self/ns/time": "time:[4026531834]",
    ...links,
  };
  return {
    pid: 7,
    hostName: "host",
    read: (path) => allFiles[path],
    readLink: (path) => allLinks[path],
    isFree: (pid) => free.includes(pid),
  };
}

function statLine(
  pid: number,
  name: string,
  state: string,
  threads: number,
  start: string,
): string {
  return `${pid} (${name}) ${state} 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 ` +
    `${threads} 0 ${start} 100 10 0\n`;
}

function identity(of: Partial<ProcessIdentity>): ProcessIdentity {
  return { ...ownersOf(worldOf({})).self, pid: 9, start: "900", ...of };
}

describe("owners of files", () => {
  it("know this process to live, by the line that it writes", () => {
    const owners = systemOwners();
    const line = formatIdentity(owners.self);
    const read = parseIdentity(line);
    assert.ok(read !== undefined, line);
    assert.deepEqual(read, owners.self);
    assert.equal(owners.self.pid, process.pid);
    assert.ok(!owners.isDead(read));
  });

  it("prove a process dead that has ended, reaped or not", async () => {
    const owners = systemOwners();
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const { pid } = child;
    assert.ok(pid !== undefined);
    const { machine, boot } = owners.self;
    const other = { machine, boot, pid, start: "" };
    assert.ok(!owners.isDead(other));
    assert.ok(owners.isDead({ ...other, start: "1" }));
    child.kill("SIGKILL");
    await ended;
    assert.ok(owners.isDead(other));
  });

  it("go by number and start time within one boot", () => {
    const stat = statLine(9, "a) Z 1 (b", "S", 1, "900");
    const here = ownersOf(worldOf({ files: { "/proc/9/stat": stat } }));
    assert.equal(here.self.start, "700");
    assert.ok(!here.isDead(identity({})));
    assert.ok(here.isDead(identity({ start: "901" })));
    assert.ok(!here.isDead(identity({ start: "" })));
    const gone = ownersOf(worldOf({ free: [9] }));
    assert.ok(gone.isDead(identity({})));
    // Others' processes may be hidden.
    assert.ok(!ownersOf(worldOf({})).isDead(identity({})));
  });

  it("tell threads of a living process apart", () => {
    const stat = statLine(9, "x", "S", 3, "900");
    const task = statLine(11, "worker", "S", 3, "950");
    const thread = { id: 11, start: "950" };
    const files = { "/proc/9/stat": stat, "/proc/9/task/11/stat": task };
    const here = ownersOf(worldOf({ files }));
    assert.ok(!here.isDead(identity({ thread })));
    assert.ok(here.isDead(identity({ thread: { id: 11, start: "951" } })));
    assert.ok(here.isDead(identity({ thread: { id: 12, start: "950" } })));
    // Nothing is known of a process that is hidden, nor of its threads.
    assert.ok(!ownersOf(worldOf({})).isDead(identity({ thread })));
    const inside = ownersOf(worldOf({
      links: { "/proc/thread-self": "7/task/11" },
      files: { "/proc/7/task/11/stat": task },
    }));
    assert.deepEqual(inside.self.thread, thread);
    assert.deepEqual(parseIdentity(formatIdentity(inside.self)), inside.self);
    assert.ok(!inside.isDead(inside.self));
    assert.ok(ownersOf(worldOf({})).isDead(inside.self));
  });

  it("take what has ended for dead, but no process whose threads live", () => {
    for (const [state, threads, dead] of [["Z", 1, true], ["Z", 2, false]]) {
      const stat = statLine(9, "x", String(state), Number(threads), "900");
      const here = ownersOf(worldOf({ files: { "/proc/9/stat": stat } }));
      assert.equal(here.isDead(identity({})), dead, `${state} ${threads}`);
    }
  });

  it("take the processes of an earlier boot for dead", () => {
    const here = ownersOf(worldOf({}));
    assert.ok(here.isDead(identity({ boot: "boot-0" })));
    assert.ok(!here.isDead(identity({ boot: "unknown" })));
  });

  it("prove nothing about another machine, namespace or host name", () => {
    const worlds: Record<string, ProcessTable> = {
      machine: worldOf({
        files: { "/etc/machine-id": `${ID}\n`.replace("0", "f") },
      }),
      namespace: worldOf({
        links: { "/proc/self/ns/pid": "pid:[4026532000]" },
      }),
      time: worldOf({ links: { "/proc/self/ns/time": "time:[4026532001]" } }),
      host: { ...worldOf({}), hostName: "other" },
    };
    for (const [name, table] of Object.entries(worlds)) {
      const free = { ...table, isFree: () => true };
      for (const boot of ["boot-1", "boot-0"]) {
        const dead = ownersOf(free).isDead(identity({ boot }));
        assert.ok(!dead, `${name} ${boot}`);
      }
    }
  });

  it("do not take another boot for proof where the id may be an image's", () => {
    for (
      const world of [
        { links: { "/proc/self/ns/pid": "pid:[4026532000]" } },
        { files: { "/etc/machine-id": "uninitialized\n" } },
      ]
    ) {
      const here = ownersOf({ ...worldOf(world), isFree: () => true });
      assert.ok(!here.isDead({ ...here.self, boot: "boot-0" }));
      assert.ok(here.isDead({ ...here.self, pid: 9 }));
    }
  });

  it("prove nothing where the system does not tell enough", () => {
    const worlds: Record<string, World> = {
      "no boot": { files: { "/proc/sys/kernel/random/boot_id": "" } },
      "another's /proc": { links: { "/proc/self": "1234" } },
    };
    for (const [name, world] of Object.entries(worlds)) {
      const here = ownersOf({ ...worldOf(world), isFree: () => true });
      assert.ok(parseIdentity(formatIdentity(here.self)), name);
      assert.ok(!here.isDead({ ...here.self, pid: 9 }), name);
      assert.ok(!here.isDead(identity({ boot: "boot-0" })), name);
    }
  });
});
