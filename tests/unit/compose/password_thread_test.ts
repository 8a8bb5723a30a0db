import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import type { WorkerHandlers } from "../../../src/core/host.ts";
import {
  answerPassword,
  type PasswordMessage,
  PasswordThread,
} from "../../../src/compose/password_thread.ts";
import { startThread } from "../../../src/threads.ts";
import { findProgram } from "../../support/debian.ts";
import { describe, it } from "../../support/test.ts";

const YES = true;
const NO = false;
const HASH = execFileSync(
  findProgram("htpasswd"),
  ["-nbB", "alice", "gehe¡m"],
  {
    encoding: "utf8",
  },
).trim().slice("alice:".length);

describe("passwords", () => {
  it("are checked in a thread, against what the real htpasswd wrote", async () => {
    const started: string[] = [];
    const thread = new PasswordThread((handlers) => {
      const port = startThread({
        ...handlers,
        onMessage(message) {
          started.push((message as { readonly type: string }).type);
          handlers.onMessage(message);
        },
      });
      return port;
    });
    const verdicts = await Promise.all([
      thread.check("gehe¡m", HASH),
      thread.check("geheim", HASH),
      thread.check("", HASH),
    ]);
    assert.deepEqual(verdicts, [true, false, false]);
    assert.deepEqual(
      started.filter((type) => type === "password-checked").length,
      3,
    );
  });

  it("are checked here where no thread starts", async () => {
    const thread = new PasswordThread(() => {
      throw new Error("EAGAIN");
    });
    assert.equal(await thread.check("gehe¡m", HASH), YES);
    assert.equal(await thread.check("geheim", HASH), NO);
  });

  it("are checked here where a thread dies, and there by the next", async () => {
    let count = 0;
    const thread = new PasswordThread((handlers: WorkerHandlers) => {
      const number = ++count;
      return {
        post(message) {
          if (number === 1) return queueMicrotask(() => handlers.onError("x"));
          void answerPassword(message as PasswordMessage)
            .then(handlers.onMessage);
        },
        close() {},
      };
    });
    assert.equal(await thread.check("gehe¡m", HASH), YES);
    assert.equal(await thread.check("gehe¡m", HASH), YES);
    assert.equal(count, 2);
  });
});
