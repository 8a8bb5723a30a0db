import assert from "node:assert/strict";
import {
  type Detour,
  detourOf,
  interpolate,
  takesDetour,
} from "../../../../src/storage/files/detour.ts";
import type { GitRules } from "../../../../src/storage/files/exposure.ts";
import type { AskedHost } from "../../../../src/storage/types.ts";
import { describe, it } from "../../../support/test.ts";

const homeOf = (user: string) =>
  Promise.resolve(user === "ann" ? "/home/ann" : undefined);

function asked(name: string, onLook: () => void = () => {}): AskedHost {
  return {
    name,
    port: "99",
    look() {
      onLook();
      return Promise.resolve({ canonicalName: "c.x", address: "192.0.2.1" });
    },
  };
}

async function reason(
  path: string,
  rules: Partial<GitRules>,
  host?: AskedHost,
): Promise<string> {
  return await detourOf(path, { rules: "git", ...rules }, host, homeOf).then(
    (detour) => `found ${detour?.path}`,
    (error) => `${error.code}: ${error.cause.message}`,
  );
}

describe("a template", () => {
  it("is filled in as git fills it in", () => {
    const values = { H: "h", CH: "c", IP: "i", P: "p", D: "/%H" };
    for (
      const [template, filled] of [
        ["/%H%CH%IP%P%D", "/hcip/%H"],
        ["/%%H%%%H%", "/%H%h%"],
        ["%C%I%Q%h", "%C%I%Q%h"],
        ["%IPH%CHH", "iHcH"],
      ] as const
    ) {
      assert.equal(interpolate(template, values), filled);
    }
  });
});

describe("a detour", () => {
  const template = { rules: "git", interpolatedPath: "/srv/x-%H/%D" } as const;

  it("is taken for users, and for hosts where there is a template", () => {
    assert.ok(takesDetour("~ann", { rules: "git" }, undefined));
    assert.ok(takesDetour("/a", template, asked("h")));
    assert.ok(!takesDetour("/a", template, undefined));
    assert.ok(!takesDetour("/a", { rules: "git" }, asked("h")));
  });

  it("stays in the fixed part of its template", async () => {
    const detour = await detourOf("/a", template, asked("h"), homeOf);
    assert.deepEqual(detour, { path: "/srv/x-h//a", roots: ["/srv"] });
  });

  it("looks the host up where a letter needs it alone", async () => {
    let looks = 0;
    const host = asked("h", () => looks++);
    for (const interpolatedPath of ["/%H:%P%D", "/%%CH%%IP%H%D"]) {
      await detourOf("/a", { rules: "git", interpolatedPath }, host, homeOf);
    }
    assert.equal(looks, 0);
    const interpolatedPath = "/%CH/%IP%D";
    const found = await detourOf(
      "/a",
      { rules: "git", interpolatedPath },
      host,
      homeOf,
    );
    assert.deepEqual([found?.path, looks], ["/c.x/192.0.2.1/a", 1]);
  });

  it("leads to a home, or to a place in one", async () => {
    const at = (userPath: string): Promise<Detour | undefined> =>
      detourOf("~ann/a", { rules: "git", userPath }, undefined, homeOf);
    assert.deepEqual(await at(""), {
      path: "~ann/a",
      home: "/home/ann",
      roots: ["/home/ann", "/home/ann/"],
    });
    assert.deepEqual(await at("pub"), {
      path: "~ann/pub/a",
      home: "/home/ann",
      roots: ["/home/ann", "/home/ann/pub"],
    });
  });

  it("is refused in git's words", async () => {
    const long = "l".repeat(4090);
    const absent = (path: string) =>
      `no-such-repository: '${path}' does not appear to be a git repository`;
    const userPath = "pub";
    assert.equal(await reason("~bob/a", { userPath }), absent("~bob/pub/a"));
    const strict = { userPath, strictPaths: true };
    assert.equal(await reason("~ann/a", strict), absent("~ann/pub/a"));
    assert.equal(
      await reason(`~ann/${long}`, { userPath }),
      `no-such-repository: user-path too large: ~ann/pub/${long}`,
    );
    const { interpolatedPath } = template;
    assert.equal(
      await reason("/a", { interpolatedPath }, asked(long)),
      `no-such-repository: interpolated path too large: /srv/x-${long}//a`,
    );
    for (const name of ["a\nb", "a\0b", "\xff"]) {
      const words = await reason("/a", { interpolatedPath }, asked(name));
      assert.match(words, /^no-such-repository: .* does not appear/s);
    }
  });
});
