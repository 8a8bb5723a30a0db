import assert from "node:assert/strict";
import type { ProgramEnd, ProgramRun } from "../../../src/core/process.ts";
import { programHook } from "../../../src/server/access_hook.ts";
import { askedHost } from "../../../src/server/host_names.ts";
import type { RepositoryAddress } from "../../../src/storage/types.ts";
import { describe, it } from "../../support/test.ts";
import { KeptLog } from "./fakes.ts";

interface Run {
  readonly program: string;
  readonly run: ProgramRun;
}

async function hooked(
  end: Partial<ProgramEnd> & { readonly text?: string } | Error,
  changes: { readonly address?: string; readonly peer?: string } = {},
): Promise<{ words: string; runs: Run[]; log: string[] }> {
  const runs: Run[] = [];
  const logger = new KeptLog();
  const hook = programHook({
    program: "/hook",
    timeoutMs: 2000,
    run(program, run) {
      runs.push({ program, run });
      return end instanceof Error ? Promise.reject(end) : Promise.resolve({
        code: 0,
        killedBy: 0,
        output: new TextEncoder().encode(end.text ?? ""),
        isTimedOut: false,
        ...end,
      });
    },
  });
  const { address = "192.0.2.9", peer = "192.0.2.9:51" } = changes;
  const words = await hook({
    service: "upload-pack",
    path: "/a",
    address: {
      path: "/srv/a/.git",
      gitDir: "/srv/a/.git",
    } as RepositoryAddress,
    host: askedHost(
      { name: "h\xc3\xa9", port: "7" },
      () => Promise.resolve({ canonicalName: "h.x", address: "192.0.2.1" }),
    ),
    connection: { peer, address },
    signal: new AbortController().signal,
    logger,
  }).then(() => "allowed", (error) => `${error.code}: ${error.message}`);
  return { words, runs, log: logger.lines };
}

describe("an access hook", () => {
  it("gets arguments and surroundings as from git", async () => {
    const { words, runs } = await hooked({});
    assert.equal(words, "allowed");
    const { program, run } = runs[0] as Run;
    assert.equal(program, "/hook");
    assert.deepEqual(run.args, [
      ...["upload-pack", "/srv/a/.git", "h\u00e9", "h.x", "192.0.2.1", "7"],
    ]);
    assert.equal(run.cwd, "/srv/a/.git");
    assert.equal(run.timeoutMs, 2000);
    assert.deepEqual(run.env, {
      GIT_DIR: ".",
      REMOTE_ADDR: "192.0.2.9",
      REMOTE_PORT: "51",
    });
  });

  it("is told of IPv6 in brackets, and of nobody on Unix sockets", async () => {
    const six = await hooked({}, { address: "::1", peer: "[::1]:9" });
    assert.equal(six.runs[0]?.run.env?.REMOTE_ADDR, "[::1]");
    assert.equal(six.runs[0]?.run.env?.REMOTE_PORT, "9");
    const unix = await hooked({}, { address: "", peer: "unix" });
    assert.deepEqual(unix.runs[0]?.run.env, { GIT_DIR: "." });
  });

  it("refuses with its first line that is not empty", async () => {
    const says = async (text: string) =>
      (await hooked({ code: 1, text })).words;
    assert.equal(await says(" \n\t go away\nnow"), "access-hook: go away");
    assert.equal(await says(""), "access-hook: service rejected");
    assert.equal(await says(" \n"), "access-hook: service rejected");
  });

  it("refuses where it was killed, and the log says why", async () => {
    const late = await hooked({ code: undefined, isTimedOut: true });
    assert.equal(late.words, "access-hook: service rejected");
    assert.deepEqual(late.log, [
      "error daemon access hook '/hook' took more than 2 s",
    ]);
    const none = await hooked(new Error("ENOENT"));
    assert.equal(none.words, "access-hook: service rejected");
    assert.deepEqual(none.log, [
      "error daemon access hook '/hook' failed to start: ENOENT",
    ]);
  });
});
