import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hookSource } from "../../../src/compose.ts";
import { toBinary } from "../../../src/core/bytes.ts";
import { type Oid, SHA1 } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import type {
  HookOutput,
  Push,
  PushHooks,
} from "../../../src/service/receive_pack/push_hooks.ts";
import { GIT_TERMS, type ServiceContext } from "../../../src/service/types.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { describe, it } from "../../support/test.ts";
import { fakeConfig, KeptLog } from "../server/fakes.ts";
import { CLOCK, KERNELS, LIMITS } from "./talk.ts";

const NEW = "1".repeat(40) as Oid;
const MAIN = "refs/heads/main" as RefName;
const PUSH: Push = { refs: [{ name: MAIN, old: SHA1.zero, new: NEW }] };

interface World {
  readonly directory: string;
  readonly log: KeptLog;
  readonly hooks: PushHooks;
  readonly ending: AbortController;
  said: string;
  readonly output: HookOutput;
}

async function world(
  scripts: Readonly<Record<string, string>>,
  changes: {
    readonly hookMs?: number;
    readonly config?: Readonly<Record<string, string>>;
    readonly peer?: string;
  } = {},
): Promise<World> {
  const directory = temporaryDirectory("program-hooks");
  mkdirSync(join(directory, "hooks"));
  for (const [name, script] of Object.entries(scripts)) {
    const file = join(directory, "hooks", name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
  const log = new KeptLog();
  const ending = new AbortController();
  const context = {
    repository: {
      format: SHA1,
      config: {
        ...fakeConfig(),
        get: (key: string) => changes.config?.[key],
      },
      address: {
        path: directory,
        gitDir: directory,
        commonDir: directory,
        objectsDir: join(directory, "objects"),
        gitfile: false,
      },
    },
    connection: {
      peer: changes.peer ?? "",
      address: changes.peer ? "::1" : "",
    },
    protocol: 0,
    clock: CLOCK,
    logger: log,
    kernels: KERNELS,
    signal: ending.signal,
    limits: { ...LIMITS, hookMs: changes.hookMs ?? 0 },
    agent: "test",
    terms: GIT_TERMS,
  } as unknown as ServiceContext;
  const made: World = {
    directory,
    log,
    ending,
    hooks: await hookSource(undefined).open(context),
    said: "",
    output(bytes) {
      made.said += toBinary(bytes);
      return Promise.resolve();
    },
  };
  return made;
}

describe("a program as a hook", () => {
  it("is told to nobody where there is none", async () => {
    const { hooks, output } = await world({});
    assert.ok(await hooks.preReceive(PUSH, {}, output) === true);
    assert.equal(hooks.update, undefined);
    assert.equal(hooks.observe, undefined);
  });

  it("that takes too long is killed, and has refused", async () => {
    const made = await world(
      { "pre-receive": "echo a; sleep 300 & sleep 300" },
      { hookMs: 300 },
    );
    assert.ok(await made.hooks.preReceive(PUSH, {}, made.output) === false);
    assert.equal(
      made.said,
      "a\nerror: hooks/pre-receive took more than 0.3 s\n",
    );
    assert.match(made.log.lines.join(), /hooks\/pre-receive took more than/);
  });

  it("is killed with its session", async () => {
    const made = await world({ "pre-receive": "echo a; sleep 300" });
    const running = made.hooks.preReceive(PUSH, {}, () => {
      made.ending.abort(new RangeError("closing"));
      return Promise.resolve();
    });
    await assert.rejects(running, RangeError);
  });

  it("stops where its words cannot be told, before anything is done", async () => {
    const made = await world({ "pre-receive": "yes" });
    await assert.rejects(
      made.hooks.preReceive(PUSH, {}, () => Promise.reject(new RangeError())),
      RangeError,
    );
  });

  it("goes on where its words cannot be told, when all is done", async () => {
    const made = await world({
      "post-receive": "seq 100000; cat >told; exit 1",
    });
    await made.hooks.postReceive(PUSH, () => Promise.reject(new RangeError()));
    assert.equal(
      readFileSync(join(made.directory, "told"), "utf8"),
      `${SHA1.zero} ${NEW} ${MAIN}\n`,
    );
  });

  it("is not run after a push that has updated nothing", async () => {
    const made = await world({
      "post-receive": "echo >ran",
      "post-update": "echo >ran",
    });
    await made.hooks.postReceive({ refs: [] }, made.output);
    await made.hooks.postUpdate([], made.output);
    assert.ok(existsSync(join(made.directory, "ran")) === false);
  });

  it("that cannot be given what it is due has refused", async () => {
    const made = await world({ "pre-receive": "exit 0" });
    const push = { ...PUSH, options: ["x".repeat(1 << 20)] };
    assert.ok(await made.hooks.preReceive(push, {}, made.output) === false);
    assert.match(made.said, /^error: cannot run hooks\/pre-receive$/m);
  });

  it("whose interpreter is not there has refused", async () => {
    const made = await world({ update: "" });
    writeFileSync(join(made.directory, "hooks", "update"), "#!/no/such\n");
    const [ref] = PUSH.refs;
    assert.ok(ref !== undefined);
    assert.ok(await made.hooks.update?.(ref, made.output) === false);
  });

  it("is told of refs whose old value is of no matter", async () => {
    const made = await world({ "reference-transaction": "echo $1; cat" });
    const observe = made.hooks.observe?.(made.output);
    assert.ok(await observe?.("prepared", [{ name: MAIN, new: NEW }]) === true);
    assert.equal(made.said, `prepared\n${SHA1.zero} ${NEW} ${MAIN}\n`);
  });

  it("learns who pushes", async () => {
    const made = await world(
      { "pre-receive": 'echo "$REMOTE_ADDR $REMOTE_PORT $GIT_DIR"' },
      { peer: "[::1]:99" },
    );
    await made.hooks.preReceive(PUSH, {}, made.output);
    assert.equal(made.said, "[::1] 99 .\n");
  });

  it("shows no control characters, however they are cut", async () => {
    const made = await world({
      "pre-receive": "printf 'a\\033'; printf ']0;x\\007\\033'",
    });
    await made.hooks.preReceive(PUSH, {}, made.output);
    assert.equal(made.said, "a?]0;x??");
  });

  it("is run with 100,000 refs that it does not read", async () => {
    const made = await world({ "pre-receive": "exit 0" });
    const refs = Array.from({ length: 100_000 }, (_, i) => ({
      name: `refs/heads/${i}` as RefName,
      old: SHA1.zero,
      new: NEW,
    }));
    assert.ok(await made.hooks.preReceive({ refs }, {}, made.output) === true);
  });

  it("is looked for where the configuration says", async () => {
    const home = temporaryDirectory("program-hooks-home");
    const file = join(home, "pre-receive");
    writeFileSync(file, "echo $0; exit 1");
    chmodSync(file, 0o755);
    const made = await world({}, { config: { "core.hookspath": home } });
    assert.ok(await made.hooks.preReceive(PUSH, {}, made.output) === false);
    assert.equal(made.said, `${file}\n`);
    for (const path of ["~no-such-user-here/x", "%(prefix)/x"]) {
      await assert.rejects(world({}, { config: { "core.hookspath": path } }), {
        code: "bad-config",
      });
    }
  });
});
