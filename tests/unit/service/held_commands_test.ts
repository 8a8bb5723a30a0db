import assert from "node:assert/strict";
import { RefusedError } from "../../../src/core/errors.ts";
import {
  COMMAND_ROOM,
  CommandRoom,
} from "../../../src/service/receive_pack/held_commands.ts";
import { describe, it } from "../../support/test.ts";
import { CAPABILITIES, push, PushWorld } from "./push_world.ts";

const ZERO = "0".repeat(40);
const MIB = 1024 * 1024;

function isFull(error: unknown): boolean {
  return error instanceof RefusedError && error.code === "too-many-commands";
}

describe("commands that are held", () => {
  it("are no more in all than there is room for", () => {
    const room = new CommandRoom(100, 10);
    const first = room.open();
    const second = room.open();
    first.add(60);
    second.add(40);
    assert.throws(() => second.add(1), isFull);
    assert.throws(() => first.add(1), isFull);
    second[Symbol.dispose]();
    second[Symbol.dispose]();
    room.open().add(39);
    assert.throws(() => room.open().add(11), isFull);
    // So many anybody may have.
    room.open().add(10);
    // What one push may bring alone is bounded elsewhere.
    new CommandRoom(100, 10).open().add(1000);
  });

  it("keep a large push waiting, and no small one", async () => {
    const world = new PushWorld();
    const one = world.commit("one");
    const commandsOf = (count: number) =>
      Array.from(
        { length: count },
        (_, i) => [ZERO, one, `refs/heads/${count}/${i}`] as const,
      );
    const large = { commands: commandsOf(12_000), capabilities: CAPABILITIES };
    {
      using others = COMMAND_ROOM.open();
      others.add(128 * MIB);
      const came = await push(world, large);
      assert.match(came.fatal, /^fatal: .*too many commands of other pushes/);
      const small = await push(world, { commands: commandsOf(3) });
      assert.equal(small.report.length, 4);
    }
    // What was refused holds nothing.
    using others = COMMAND_ROOM.open();
    others.add(126 * MIB);
    const came = await push(world, large);
    assert.equal(came.report.length, 12_001);
  });
});
