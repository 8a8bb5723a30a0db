import assert from "node:assert/strict";
import { askedHost, hostLookUp } from "../../../src/server/host_names.ts";
import { remembered } from "../../../src/server/remembered.ts";
import { describe, it } from "../../support/test.ts";

describe("answers that are remembered", () => {
  it("are asked for again when they are old", async () => {
    let now = 0;
    const asked: string[] = [];
    const find = remembered({
      ask: (name) => Promise.resolve(`${name}${asked.push(name)}`),
      none: "",
      monotonic: () => now,
    });
    assert.deepEqual([await find("a"), await find("a")], ["a1", "a1"]);
    now = 59_999;
    assert.equal(await find("a"), "a1");
    now = 60_000;
    assert.equal(await find("a"), "a2");
  });

  it("are none where asking fails", async () => {
    const find = remembered({
      ask: () => Promise.reject(new Error("no")),
      none: "none",
      monotonic: () => 0,
    });
    assert.equal(await find("a"), "none");
  });

  it("are none while too many are under way", async () => {
    const answers: ((text: string) => void)[] = [];
    const find = remembered({
      ask: () => new Promise<string>((resolve) => answers.push(resolve)),
      none: "none",
      monotonic: () => 0,
    });
    const first = Array.from({ length: 32 }, (_, i) => find(`${i}`));
    assert.equal(await find("more"), "none");
    // Nobody asks twice at once for the same.
    const again = find("0");
    answers.forEach((answer) => answer("found"));
    assert.deepEqual(
      new Set(await Promise.all([...first, again])),
      new Set(["found"]),
    );
    assert.equal(answers.length, 32);
    const late = find("more");
    answers.at(-1)?.("found");
    assert.equal(await late, "found");
  });

  it("are kept up to a bound", async () => {
    let count = 0;
    const find = remembered({
      ask: () => Promise.resolve(count++),
      none: -1,
      monotonic: () => 0,
    });
    for (let i = 0; i <= 1000; i++) await find(`${i}`);
    assert.equal(await find("1000"), 1000);
    assert.equal(await find("0"), 1001);
  });
});

describe("the host that a client asked for", () => {
  const facts = { canonicalName: "../Host/.x.", address: "192.0.2.1" };

  it("is looked up once, and made safe for a path", async () => {
    let count = 0;
    const host = askedHost({ name: "h", port: "1" }, () => {
      count++;
      return Promise.resolve(facts);
    });
    for (const each of [await host.look(), await host.look()]) {
      assert.deepEqual(each, { canonicalName: "Host.x", address: "192.0.2.1" });
    }
    assert.equal(count, 1);
    const nobody = askedHost({ name: "h", port: "" }, undefined);
    assert.deepEqual(await nobody.look(), { canonicalName: "", address: "" });
  });

  it("is not looked up where it is no name", async () => {
    const asked: string[] = [];
    const find = hostLookUp((name) => {
      asked.push(name);
      return Promise.resolve(facts);
    }, { monotonic: () => 0 });
    const odd = ["-h", "a b", "a\n", "\xe9", "$(x)", "h".repeat(254), ""];
    for (const name of odd) {
      assert.equal((await find(name)).address, "", JSON.stringify(name));
    }
    for (const name of ["::1", "fe80::1%eth0", "a-b.c", "x_y"]) {
      assert.equal((await find(name)).address, "192.0.2.1");
    }
    assert.equal(asked.length, 4);
  });
});
