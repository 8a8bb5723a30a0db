import assert from "node:assert/strict";
import { HiddenRefs, hiddenRefs } from "../../../src/service/hidden_refs.ts";
import { describe, it } from "../../support/test.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import { FakeRepository } from "./fake_repository.ts";

describe("the rules of hideRefs", () => {
  const cases: readonly (readonly [string, string[], string, boolean])[] = [
    ["hide nothing where there are none", [], "refs/heads/a", false],
    ["hide the ref they name", ["refs/heads/a"], "refs/heads/a", true],
    ["hide what is below", ["refs/heads"], "refs/heads/a/b", true],
    ["match whole parts of a path", ["refs/heads/a"], "refs/heads/ab", false],
    ["do not care for slashes at the end", ["refs/x//"], "refs/x/a", true],
    ["match nothing where empty", [""], "refs/heads/a", false],
    ["match nothing with a slash alone", ["/"], "refs/heads/a", false],
    ["can hide HEAD", ["HEAD"], "HEAD", true],
    ["are about letters as they are", ["refs/HEADS"], "refs/heads/a", false],
    ["show again with !", ["refs", "!refs/a"], "refs/a/b", false],
    ["count from the last one", ["!refs/a", "refs"], "refs/a/b", true],
    [
      "hide again below what is shown",
      ["refs", "!refs/a", "refs/a/b"],
      "refs/a/b",
      true,
    ],
    ["take ^ for full names", ["^refs/a"], "refs/a/b", true],
    ["take ! before ^", ["refs/a", "!^refs/a/b"], "refs/a/b", false],
    ["take no ! after ^", ["refs/a", "^!refs/a/b"], "refs/a/b", true],
  ];
  for (const [title, values, name, hidden] of cases) {
    it(title, () => {
      assert.equal(new HiddenRefs(values).hides(name), hidden);
    });
  }

  it("tell names from full names in a namespace", () => {
    const full = "refs/namespaces/n/refs/a";
    const hides = (value: string): boolean =>
      new HiddenRefs([value]).hides("refs/a", full);
    assert.ok(hides("refs/a"));
    assert.ok(!hides("^refs/a"));
    assert.ok(hides(`^${full}`));
    assert.ok(!hides(full));
  });

  it("are those of transfer and of the service, in one order", () => {
    const repository = new FakeRepository();
    repository.set("uploadpack.hiderefs", "!refs/a");
    repository.set("transfer.hiderefs", "refs/a");
    repository.set("receive.hiderefs", "!refs/a");
    repository.set("uploadpack.sub.hiderefs", "refs/b");
    const context = { repository, terms: GIT_TERMS };
    assert.ok(hiddenRefs(context).hides("refs/a"));
    assert.ok(!hiddenRefs(context, "receive").hides("refs/a"));
    assert.ok(!hiddenRefs(context).hides("refs/b"));
  });
});
