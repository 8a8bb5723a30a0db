import assert from "node:assert/strict";
import { StorageError } from "../../../src/core/errors.ts";
import type { Logger } from "../../../src/core/logger.ts";
import type { Oid } from "../../../src/core/oid.ts";
import { BLOB } from "../../../src/object/kind.ts";
import { keepAliveSeconds } from "../../../src/service/upload_pack/settings.ts";
import { PlainConfig } from "../../../src/storage/memory/plain_config.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";
import { pkts, talk, unpkt } from "./talk.ts";

function oneCommit(): { repository: FakeRepository; tip: Oid } {
  const repository = new FakeRepository();
  const blob = repository.put(BLOB, "1\n");
  const tip = repository.commit(repository.tree({ blob }), [], 1);
  repository.ref("HEAD", "ref: refs/heads/main");
  repository.ref("refs/heads/main", tip);
  return { repository, tip };
}

function keptLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    log: (level, message) => void lines.push(`${level} ${message}`),
  };
}

describe("session ids", () => {
  const id = "20260102T030405.678901Z-H12345678-P00001234";

  for (const protocol of [0, 1] as const) {
    it(`are told where transfer.advertiseSID asks, v${protocol}`, async () => {
      const { repository } = oneCommit();
      const options = { protocol, terms: { sessionId: id } };
      const silent = await talk(repository, "0000", options);
      assert.ok(!silent.said.includes("session-id"));
      repository.set("transfer.advertisesid", "true");
      const { said } = await talk(repository, "0000", options);
      assert.ok(said.includes(` session-id=${id} object-format=sha1 `), said);
      const none = await talk(repository, "0000", { protocol });
      assert.ok(!none.said.includes("session-id"));
    });
  }

  it("of clients are logged, cut and escaped", async () => {
    const { repository, tip } = oneCommit();
    const logger = keptLog();
    const long = `\x1b${"x".repeat(10_000)}`;
    for (const said of ["me", long]) {
      await talk(
        repository,
        pkts(`want ${tip} session-id=${said} ofs-delta\n`, "0000", "done\n"),
        { logger },
      );
    }
    assert.equal(logger.lines.length, 2);
    assert.equal(logger.lines[0], "info Session of the client: 'me'");
    const second = logger.lines[1] ?? "";
    assert.ok(!second.includes("\x1b") && second.length < 1000, second);
  });
});

describe("uploadpack.packObjectsHook", () => {
  for (const protocol of [0, 2] as const) {
    it(`costs a session one line of the log, v${protocol}`, async () => {
      const { repository } = oneCommit();
      repository.set("uploadpack.packobjectshook", "/bin/hook");
      const logger = keptLog();
      const asks = pkts("command=ls-refs\n", "0000", "command=ls-refs\n");
      await talk(
        repository,
        protocol === 0 ? "0000" : `${asks}00000000`,
        { protocol, logger },
      );
      assert.deepEqual(logger.lines, [
        "warn uploadpack.packObjectsHook is set; it is not run",
      ]);
    });
  }

  it("costs none where it is not set", async () => {
    const { repository } = oneCommit();
    const logger = keptLog();
    await talk(repository, "0000", { logger });
    assert.deepEqual(logger.lines, []);
  });
});

describe("uploadpack.keepAlive", () => {
  const seconds = (value: string): number | undefined =>
    keepAliveSeconds(new PlainConfig({ "uploadpack.keepAlive": value }));

  it("is a number of seconds; 0 and less switch it off", () => {
    assert.equal(keepAliveSeconds(new PlainConfig()), undefined);
    assert.equal(seconds("7"), 7);
    assert.equal(seconds("1k"), 1024);
    assert.equal(seconds("0"), Infinity);
    assert.equal(seconds("-1"), Infinity);
  });

  for (const value of ["x", "2g", "3000000000", "-2g"]) {
    it(`is refused before anything is said where it is ${value}`, async () => {
      assert.throws(() => seconds(value), StorageError);
      const { repository } = oneCommit();
      repository.config.integer = () => seconds(value);
      const { said, error } = await talk(repository, "0000");
      assert.deepEqual(unpkt(said), ["ERR internal error"]);
      assert.ok(error instanceof StorageError);
    });
  }
});

describe("the terms of a transport", () => {
  it("end a session after its advertisement", async () => {
    const { repository } = oneCommit();
    for (const protocol of [0, 1, 2] as const) {
      const terms = { advertiseOnly: true };
      const { said, error, writes } = await talk(repository, "zzzz", {
        protocol,
        terms,
      });
      assert.equal(error, undefined);
      assert.equal(writes, 1);
      assert.ok(said.endsWith("0000") && said.length > 100);
    }
  });

  it("let a stateless client be silent", async () => {
    const { repository } = oneCommit();
    for (const protocol of [0, 1, 2] as const) {
      for (const input of ["", "0000"]) {
        const terms = { stateless: true };
        const { said, error } = await talk(repository, input, {
          protocol,
          terms,
        });
        assert.deepEqual({ said, error }, { said: "", error: undefined });
        assert.equal(repository.openSnapshots, 0);
      }
    }
  });
});
