import assert from "node:assert/strict";
import { StorageError } from "../../../src/core/errors.ts";
import type { Oid } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import { receivePack } from "../../../src/service/receive_pack/service.ts";
import { describe, it } from "../../support/test.ts";
import {
  CAPABILITIES,
  packOf,
  printed,
  push,
  PushWorld,
  requestOf,
} from "./push_world.ts";
import { pkts, talk, unpkt } from "./talk.ts";

const ZERO = "0".repeat(40) as Oid;
const ABSENT = "1".repeat(40) as Oid;
const MAIN = "refs/heads/main";

/** A world with one commit on main, and another on top of it. */
function world(config: Record<string, string | boolean | number> = {}) {
  const world = new PushWorld(config);
  const one = world.commit("one");
  const two = world.commit("two", one);
  const other = world.commit("other");
  world.memory.setRef(MAIN, one);
  return { world, one, two, other };
}

describe("the advertisement of receive-pack", () => {
  it("shows refs without HEAD, and what need not be sent", async () => {
    const { world: repository, one, two } = world();
    repository.memory.setRef("refs/namespaces/a/refs/heads/x", one);
    repository.borrowed = [two, one, two];
    const service = receivePack;
    const { said } = await talk(repository, "0000", { service });
    assert.deepEqual(unpkt(said), [
      `${one} ${MAIN}\0report-status report-status-v2 delete-refs ` +
      "side-band-64k quiet atomic ofs-delta object-format=sha1 agent=test/1\n",
      `${one} refs/namespaces/a/refs/heads/x\n`,
      `${two} .have\n`,
      "0000",
    ]);
    const terms = { namespace: "refs/namespaces/a/" };
    const inside = await talk(repository, "0000", { service, terms });
    assert.deepEqual(unpkt(inside.said).map((each) => each.split("\0")[0]), [
      `${one} .have`,
      `${one} refs/heads/x\n`,
      `${two} .have\n`,
      "0000",
    ]);
  });

  it("obeys the configuration, and the version", async () => {
    const { world: repository, one } = world({
      "receive.advertiseAtomic": false,
      "receive.advertisePushOptions": true,
      "repack.useDeltaBaseOffset": false,
      "receive.hideRefs": "refs/heads",
    });
    repository.shallow = [one];
    const service = receivePack;
    const options = { service, protocol: 1 } as const;
    const { said } = await talk(repository, "0000", options);
    assert.deepEqual(unpkt(said), [
      "version 1\n",
      `${ZERO} capabilities^{}\0report-status report-status-v2 delete-refs ` +
      "side-band-64k quiet push-options object-format=sha1 agent=test/1\n",
      `shallow ${one}\n`,
      "0000",
    ]);
  });
});

describe("a push", () => {
  it("goes through all its steps in git's order", async () => {
    const { world: repository, one, two } = world({
      "receive.updateServerInfo": true,
    });
    const told: unknown[] = [];
    const came = await push(repository, {
      commands: [[one, two, MAIN], [ZERO, one, "refs/heads/new"]],
      hooks: {
        preReceive: async (pushed, environment, output) => {
          repository.log.push("pre-receive");
          told.push(pushed.refs.length, environment);
          await output(printed("hello\n"));
          return true;
        },
        postReceive: (pushed) =>
          Promise.resolve(
            void repository.log.push(
              `post-receive ${pushed.refs.length}`,
            ),
          ),
        postUpdate: (names) =>
          Promise.resolve(void repository.log.push(`post-update ${names}`)),
      },
    });
    assert.equal(came.error, undefined);
    assert.deepEqual(came.report, [
      "unpack ok",
      `ok ${MAIN}`,
      "ok refs/heads/new",
    ]);
    assert.deepEqual(repository.log, [
      "open",
      "receive",
      "pre-receive",
      "publish",
      `each ${MAIN} refs/heads/new`,
      "gone",
      "post-receive 2",
      `post-update ${MAIN},refs/heads/new`,
      "info",
    ]);
    assert.deepEqual(told, [2, { GIT_QUARANTINE_PATH: "here" }]);
    assert.ok(came.messages.includes("hello\n"));
    assert.equal(await repository.ref(MAIN), two);
    assert.ok(came.said.endsWith("0000"));
  });

  it("asks the hook update for one ref after the other", async () => {
    const { world: repository, one, two } = world();
    const seen: unknown[] = [];
    const came = await push(repository, {
      commands: [[one, two, MAIN], [ZERO, one, "refs/heads/new"]],
      hooks: {
        update: async (ref) => {
          seen.push(ref.name, await repository.ref(MAIN));
          return ref.name === MAIN;
        },
      },
    });
    assert.deepEqual(seen, [MAIN, one, "refs/heads/new", two]);
    assert.deepEqual(came.report.slice(1), [
      `ok ${MAIN}`,
      "ng refs/heads/new hook declined",
    ]);
    assert.match(came.messages, /^error: hook declined to update refs\/heads/m);
  });

  it("that is declined shows nothing to anybody", async () => {
    const { world: repository, one, two } = world();
    const came = await push(repository, {
      commands: [[one, two, MAIN]],
      hooks: { preReceive: () => Promise.resolve(1 > 2) },
    });
    assert.deepEqual(came.report, [
      "unpack ok",
      `ng ${MAIN} pre-receive hook declined`,
    ]);
    assert.deepEqual(repository.log, ["open", "receive", "gone"]);
  });

  it("of deletions alone has no pack", async () => {
    const { world: repository, one } = world();
    repository.memory.setRef("refs/heads/gone", one);
    const came = await push(repository, {
      commands: [
        [one, ZERO, "refs/heads/gone"],
        [ZERO, ZERO, "refs/heads/never"],
        [one, ZERO, MAIN],
      ],
      pack: "",
    });
    assert.deepEqual(came.report, [
      "unpack ok",
      "ok refs/heads/gone",
      "ok refs/heads/never",
      `ng ${MAIN} deletion of the current branch prohibited`,
    ]);
    assert.match(came.messages, /^warning: deleting a non-existent ref$/m);
    assert.match(
      came.messages,
      /^error: By default, deleting the current branch is denied[^]*'refuse'\.\nerror: refusing to delete the current branch: refs\/heads\/main$/m,
    );
    assert.equal(await repository.ref("refs/heads/gone"), undefined);
  });

  it("of many refs that are not there asks the store once", async () => {
    const { world: repository, one } = world();
    repository.memory.setRef("refs/heads/gone", one);
    const names = Array.from({ length: 200 }, (_, i) => `refs/heads/n${i}`);
    const came = await push(repository, {
      commands: [
        ...names.map((name) => [ABSENT, ZERO, name] as const),
        // Whether it is there, only the one before tells.
        [one, ZERO, "refs/heads/gone"],
        [ABSENT, ZERO, "refs/heads/gone"],
      ],
      pack: "",
    });
    assert.deepEqual(came.report, [
      "unpack ok",
      ...names.map((name) => `ok ${name}`),
      "ok refs/heads/gone",
      "ok refs/heads/gone",
    ]);
    const line = "warning: deleting a non-existent ref\n";
    assert.equal(came.messages, line.repeat(names.length + 1));
    assert.equal(repository.log.length, 2);
  });

  it("of names that can never be any is refused without a pack", async () => {
    const { world: repository, one } = world();
    const names = [
      "refs/heads/../x",
      "HEAD",
      "refs/x",
      "x",
      "refs/heads/a.lock",
    ];
    const came = await push(repository, {
      commands: names.map((name) => [ZERO, one, name] as const),
      pack: packOf(7) + "x".repeat(100_000),
    });
    assert.equal(came.error, undefined);
    assert.deepEqual(came.report, [
      "unpack ok",
      ...names.map((name) => `ng ${name} funny refname`),
    ]);
    assert.equal(
      came.messages,
      names.map((name) =>
        `error: refusing to create funny ref '${name}' remotely\n`
      ).join(""),
    );
    assert.deepEqual(repository.log, []);
  });

  it("whose other names are good keeps those", async () => {
    const { world: repository, one } = world();
    const came = await push(repository, {
      commands: [[ZERO, one, "refs/heads/.x"], [ZERO, one, "refs/heads/x"]],
    });
    assert.deepEqual(came.report.slice(1), [
      "ng refs/heads/.x funny refname",
      "ok refs/heads/x",
    ]);
  });

  it("is told what its pack lacks", async () => {
    const { world: repository, one } = world();
    const came = await push(repository, {
      commands: [[one, ABSENT, MAIN], [ZERO, one, "refs/heads/x"]],
    });
    assert.deepEqual(came.report, [
      "unpack ok",
      `ng ${MAIN} missing necessary objects`,
      "ok refs/heads/x",
    ]);
  });

  it("says what is wrong with a pack's header", async () => {
    const { world: repository, one } = world();
    for (
      const [pack, words] of [
        [
          "PUCK\0\0\0\x02\0\0\0\x01",
          "protocol error (pack signature mismatch detected)",
        ],
        [
          "PACK\0\0\0\x04\0\0\0\x01",
          "protocol error (pack version unsupported)",
        ],
        ["PACK", "eof before pack header was fully read"],
        ["", "eof before pack header was fully read"],
      ] as const
    ) {
      const commands = [[ZERO, one, "refs/heads/x"]] as const;
      const came = await push(repository, { commands, pack });
      assert.deepEqual(came.report, [
        `unpack ${words}`,
        "ng refs/heads/x unpacker error",
      ]);
    }
    assert.deepEqual(repository.log, []);
  });

  it("tells of our own disk no more than git does", async () => {
    const { world: repository, one } = world();
    const commands = [[ZERO, one, "refs/heads/x"]] as const;
    repository.fault = new StorageError("ENOSPC", "Cannot make /secret: full");
    const refused = await push(repository, { commands });
    assert.deepEqual(refused.report, [
      "unpack unable to create temporary object directory",
      "ng refs/heads/x unpacker error",
    ]);
    repository.fault = undefined;
    repository.bring = () => {
      throw new StorageError("ENOSPC", "Cannot write /secret: full");
    };
    const came = await push(repository, { commands });
    assert.equal(came.report[0], "unpack unpack-objects abnormal exit");
    assert.equal(
      came.messages,
      "fatal: write error: No space left on device\n",
    );
    assert.deepEqual(repository.log, ["open", "open", "gone"]);
  });

  it("changes all refs or none where it is atomic", async () => {
    const { world: repository, one, two } = world();
    const capabilities = `${CAPABILITIES} atomic`;
    const wrong = await push(repository, {
      commands: [[two, one, MAIN], [ZERO, one, "refs/heads/x"]],
      capabilities,
    });
    assert.deepEqual(wrong.report, [
      "unpack ok",
      `ng ${MAIN} atomic transaction failed`,
      "ng refs/heads/x atomic transaction failed",
    ]);
    assert.match(
      wrong.messages,
      /^error: cannot lock ref 'refs\/heads\/main'/m,
    );
    const funny = await push(repository, {
      commands: [[ZERO, one, "refs/heads/x"], [ZERO, one, "x"]],
      capabilities,
    });
    assert.deepEqual(funny.report.slice(1), [
      "ng refs/heads/x atomic push failure",
      "ng x funny refname",
    ]);
    const twice = await push(repository, {
      commands: [[ZERO, one, "refs/heads/x"], [ZERO, two, "refs/heads/x"]],
      capabilities,
    });
    assert.equal(
      twice.messages.split("\n").at(-2),
      "error: multiple updates for ref 'refs/heads/x' not allowed",
    );
    assert.equal(await repository.ref("refs/heads/x"), undefined);
  });

  it("meets what keeps refs from changing", async () => {
    const { world: repository, one, two, other } = world({
      "receive.denyNonFastForwards": true,
      "receive.hideRefs": "refs/hidden",
      "receive.denyDeletes": true,
    });
    repository.checkouts = ["refs/heads/out" as RefName];
    repository.memory.setRef("refs/heads/out", one);
    const blob = repository.memory.addBlob("a blob");
    const came = await push(repository, {
      commands: [
        [one, other, MAIN],
        [ZERO, one, "refs/hidden/x"],
        [one, two, "refs/heads/out"],
        [ZERO, blob, "refs/heads/blob"],
        [ZERO, blob, "refs/tags/blob"],
        [one, ZERO, "refs/heads/out2"],
        [ZERO, one, MAIN],
      ],
    });
    assert.deepEqual(came.report.slice(1), [
      `ng ${MAIN} non-fast-forward`,
      "ng refs/hidden/x deny updating a hidden ref",
      "ng refs/heads/out branch is currently checked out",
      "ng refs/heads/blob failed to update ref",
      "ok refs/tags/blob",
      "ng refs/heads/out2 deletion prohibited",
      `ng ${MAIN} failed to update ref`,
    ]);
    for (
      const line of [
        `denying non-fast-forward ${MAIN} (you should pull first)`,
        "refusing to update checked out branch: refs/heads/out",
        `cannot update ref 'refs/heads/blob': trying to write non-commit ` +
        `object ${blob} to branch 'refs/heads/blob'`,
        "denying ref deletion for refs/heads/out2",
      ]
    ) assert.ok(came.messages.includes(`error: ${line}\n`), line);
  });

  it("that names a symref and its target has to mean one thing", async () => {
    const { world: repository, one, two, other } = world();
    repository.memory.setSymbolicRef("refs/heads/alias", MAIN);
    const wrong = await push(repository, {
      commands: [[one, two, MAIN], [one, other, "refs/heads/alias"]],
    });
    const why = "inconsistent aliased update";
    assert.deepEqual(wrong.report.slice(1), [
      `ng ${MAIN} ${why}`,
      `ng refs/heads/alias ${why}`,
    ]);
    const cut = (oid: string): string => oid.slice(0, 7);
    assert.ok(
      wrong.messages.includes(
        `error: refusing inconsistent update between symref ` +
          `'refs/heads/alias' (${cut(one)}..${cut(other)}) and its target ` +
          `'${MAIN}' (${cut(one)}..${cut(two)})\n`,
      ),
    );
    const right = await push(repository, {
      commands: [[one, two, MAIN], [one, two, "refs/heads/alias"]],
    });
    assert.deepEqual(right.report.slice(1), [
      `ok ${MAIN}`,
      "ok refs/heads/alias",
    ]);
    assert.equal(repository.log.at(-2), `each ${MAIN}`);
  });

  it("of one ref twice does the first, and then sees", async () => {
    const { world: repository, one, two } = world();
    const came = await push(repository, {
      commands: [
        [ZERO, one, "refs/heads/x"],
        [one, two, "refs/heads/x"],
        [ZERO, one, "refs/heads/x"],
      ],
    });
    assert.deepEqual(came.report.slice(1), [
      "ok refs/heads/x",
      "ok refs/heads/x",
      "ng refs/heads/x failed to update ref",
    ]);
    assert.equal(await repository.ref("refs/heads/x"), two);
  });

  it("gives push options to hooks, and no more than may be", async () => {
    const { world: repository, one } = world({
      "receive.advertisePushOptions": true,
      "gitsrv.maxPushOptions": 2,
    });
    const told: unknown[] = [];
    const asked = {
      commands: [[ZERO, one, "refs/heads/x"]],
      capabilities: `${CAPABILITIES} push-options`,
      hooks: {
        preReceive: (pushed: { readonly options?: readonly string[] }) => {
          told.push(pushed.options);
          return Promise.resolve(1 > 0);
        },
      },
    } as const;
    const came = await push(repository, { ...asked, options: ["a=b", "c"] });
    assert.deepEqual(came.report, ["unpack ok", "ok refs/heads/x"]);
    assert.deepEqual(told, [["a=b", "c"]]);
    repository.log.length = 0;
    const many = await push(repository, { ...asked, options: ["a", "b", "c"] });
    assert.match(many.fatal, /^fatal: receive-pack: too many push options/);
    assert.deepEqual(repository.log, []);
  });

  it("counts push options as long as hooks get them", async () => {
    const { world: repository, one } = world({
      "receive.advertisePushOptions": true,
      "gitsrv.maxPushOptionBytes": 1000,
    });
    const pushed = async (option: string) => {
      const { fatal } = await push(repository, {
        commands: [[ZERO, one, `refs/heads/${option.length}`]],
        capabilities: `${CAPABILITIES} push-options`,
        options: [option],
      });
      return fatal === "";
    };
    assert.ok(await pushed("\xc3\xa9".repeat(490)));
    assert.ok(await pushed("\xff".repeat(240)));
    assert.ok(!await pushed("\xff".repeat(260)));
  });

  it("from a shallow clone needs leave to add roots", async () => {
    for (const isAllowed of [false, true]) {
      const { world: repository, one } = world({
        "receive.shallowUpdate": isAllowed,
      });
      const far = repository.memory.addObject(
        1,
        printed(
          `tree ${"4b825dc642cb6eb9a060e54bf8d69288fbee4904"}\n` +
            `parent ${ABSENT}\nauthor A <a> 1 +0000\n` +
            "committer A <a> 1 +0000\n\nfar\n",
        ),
      );
      repository.memory.addTree([]);
      const top = repository.commit("top", far);
      // The root is not here before the pack is.
      const before = repository.snapshot.bind(repository);
      let isFirst = true;
      repository.snapshot = async () => {
        const snapshot = await before();
        if (!isFirst) return snapshot;
        isFirst = false;
        const { objects } = snapshot;
        return {
          ...snapshot,
          objects: new Proxy(objects, {
            get: (target, name) =>
              name === "find"
                ? (oid: Oid) => oid === far ? -1 : target.find(oid)
                : Reflect.get(target, name).bind?.(target) ??
                  Reflect.get(target, name),
          }),
          [Symbol.dispose]: () => snapshot[Symbol.dispose](),
        };
      };
      const came = await push(repository, {
        commands: [[ZERO, top, "refs/heads/x"], [ZERO, one, "refs/heads/y"]],
        shallow: [far],
      });
      assert.deepEqual(came.report.slice(1), [
        isAllowed
          ? "ok refs/heads/x"
          : "ng refs/heads/x shallow update not allowed",
        "ok refs/heads/y",
      ]);
      assert.deepEqual(repository.shallow, isAllowed ? [far] : []);
    }
  });

  it("without bands or a report is silent", async () => {
    const { world: repository, one } = world();
    const commands = [[ZERO, one, "refs/heads/x"]] as const;
    const plain = await push(repository, {
      commands,
      capabilities: "report-status",
    });
    assert.equal(plain.said, pkts("unpack ok\n", "ok refs/heads/x\n", "0000"));
    const silent = await push(repository, {
      commands: [[ZERO, one, "refs/heads/y"]],
      capabilities: "ofs-delta",
    });
    assert.equal(silent.said, "");
    assert.equal(await repository.ref("refs/heads/y"), one);
  });

  it("works within a namespace", async () => {
    const { world: repository, one } = world();
    const terms = { namespace: "refs/namespaces/a/" };
    const came = await push(repository, {
      commands: [[ZERO, one, "refs/heads/x"]],
      terms,
    });
    assert.deepEqual(came.report, ["unpack ok", "ok refs/heads/x"]);
    assert.equal(
      await repository.ref("refs/namespaces/a/refs/heads/x"),
      one,
    );
  });
});

describe("a request of receive-pack", () => {
  it("that is none is refused before a pack is looked at", async () => {
    const { world: repository, one } = world({ "gitsrv.maxCommandBytes": 999 });
    const line = `${ZERO} ${one} refs/heads/x`;
    for (
      const [input, words] of [
        [
          pkts("what", "0000"),
          "ERR protocol error: expected old/new/ref, got 'what'",
        ],
        [
          pkts("shallow 12345678", "0000"),
          "ERR protocol error: expected shallow sha, got '12345678'",
        ],
        [
          pkts(`${line}\0object-format=sha256`, "0000"),
          "ERR error: unsupported object format 'sha256'",
        ],
        [
          pkts("push-cert\0", "0000"),
          "ERR push certificates are not supported",
        ],
        [
          requestOf({
            commands: Array.from(
              { length: 20 },
              (_, i) => [ZERO, one, `refs/heads/${i}`] as const,
            ),
            capabilities: "",
          }),
          "ERR receive-pack: too many bytes of commands (limit 999)",
        ],
      ] as const
    ) {
      const { said, error } = await talk(repository, input, {
        service: receivePack,
        terms: { stateless: true },
      });
      assert.deepEqual(unpkt(said), [words]);
      assert.ok(error instanceof Error);
    }
    const banded = await push(repository, {
      commands: [[ZERO, one, "refs/heads/x"], ["x", "y", "z"]],
    });
    assert.equal(
      banded.fatal,
      "fatal: protocol error: expected old/new/ref, got 'x y z'",
    );
    assert.deepEqual(repository.log, []);
  });

  it("of nothing is no error", async () => {
    const { world: repository } = world();
    for (const input of ["", "0000"]) {
      const { error } = await talk(repository, input, { service: receivePack });
      assert.equal(error, undefined);
    }
  });
});
