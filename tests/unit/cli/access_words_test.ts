/**
 * What who starts the daemon is told of who may what.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pushWords, readersOf } from "../../../src/cli/access_words.ts";
import { banner } from "../../../src/cli/daemon_words.ts";
import { main } from "../../../src/cli/main.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { git } from "../../support/git.ts";
import { describe, it } from "../../support/test.ts";
import { FakeProcess } from "./fake_process.ts";

const RULES = { areThere: true, areForAll: false, nameAnyone: false };

describe("the words for who can push", () => {
  it("are what options and rules come to", () => {
    const open = { takesPushes: true, knowsUsers: true };
    const known = { takesPushes: false, knowsUsers: true };
    const shut = { takesPushes: false, knowsUsers: false };
    const rows = [
      [shut, "read-only"],
      [{ ...known, refusesPushes: true }, "read-only"],
      [known, "users can push"],
      [{ ...open, knowsUsers: false }, "whoever connects can push"],
      [open, "whoever connects can push"],
      [{ ...shut, rules: RULES }, "read-only"],
      [
        { ...shut, rules: { ...RULES, nameAnyone: true } },
        "rules say who can push",
      ],
      [{ ...known, rules: RULES }, "rules say which users can push"],
      [{ ...known, rules: { ...RULES, areThere: false } }, "users can push"],
      [
        { ...open, rules: RULES },
        "whoever connects can push where no rule says otherwise",
      ],
      [
        { ...open, rules: { ...RULES, areForAll: true } },
        "rules say who can push",
      ],
    ] as const;
    for (const [facts, words] of rows) {
      assert.equal(pushWords(facts), words, JSON.stringify(facts));
    }
  });

  it("tell of users where credentials could name them", () => {
    assert.equal(readersOf({ anyone: true, users: true }), "anyone");
    assert.equal(readersOf({ anyone: false, users: true }), "users");
    assert.equal(readersOf({ anyone: false, users: false }), "nobody");
  });
});

describe("the lines to clone by", () => {
  const at = { hostname: "127.0.0.1", port: 9418 };
  const addresses = [at, { ...at, scheme: "http" as const, port: 8080 }];

  it("are those that the rules let through", () => {
    const lines = (who: "anyone" | "users" | "nobody") =>
      banner({ kind: "welcome", ...at, addresses, readers: () => who });
    assert.match(lines("anyone"), /git clone git:.*\n.*git clone http:/);
    assert.match(lines("users"), /\n\n {4}git clone http:.*\n\ngit asks for /);
    assert.ok(!lines("users").includes("clone git:"));
    assert.match(
      lines("nobody"),
      /\n\nRules let nobody clone welcome\.git\.\n/,
    );
  });
});

describe("gitsrv daemon with rules", () => {
  it("says who can push, and shows what anyone can clone", async () => {
    const root = temporaryDirectory("access-words");
    for (const name of ["a/hidden.git", "b/open.git"]) {
      mkdirSync(join(root, name), { recursive: true });
      await git(["init", "-q", "--bare", join(root, name)]);
    }
    const config = join(root, "gitsrv.conf");
    const start = async (...options: string[]) => {
      const io = new FakeProcess([root]);
      const running = main([
        ...["daemon", "--port=0", "--http-port=0", `--config=${config}`],
        ...[...options, root],
      ], io);
      await io.says("Press Ctrl-C");
      io.signal("SIGTERM");
      await running;
      return io.error;
    };
    writeFileSync(
      config,
      '[gitsrv]\n\ttokens = tokens\n[gitsrv "a/**"]\n\tread = users\n\twrite = users\n',
    );
    writeFileSync(join(root, "tokens"), `robot:${"ab".repeat(32)}\n`);
    const text = await start();
    assert.ok(
      text.includes("(rules say which users can push, this machine only)"),
      text,
    );
    assert.match(text, /git clone git:\S+\/b\/open\.git\n/);
    assert.ok(!text.includes("hidden.git"), text);
    assert.match(await start("--allow-push"), /where no rule says otherwise,/);
    writeFileSync(config, "[gitsrv]\n\tread = nobody\n");
    const shut = await start();
    assert.match(shut, /\(read-only, this machine only\)\n\nRules let nobody /);
  });
});
