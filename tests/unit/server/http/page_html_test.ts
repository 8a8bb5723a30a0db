import assert from "node:assert/strict";
import {
  cloneBases,
  cloneLine,
  hasPlaceholder,
  type PageAddress,
  parsePublicUrl,
} from "../../../../src/server/http/clone_lines.ts";
import {
  indexPage,
  repositoryPage,
} from "../../../../src/server/http/page_html.ts";
import { encodePath, visible } from "../../../../src/server/http/page_text.ts";
import { findRoute } from "../../../../src/server/http/routes.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it, test } from "../../../support/test.ts";

const FRAME = { root: "/", bases: ["http://localhost:8080/"] };

/** Texts that somebody may give a repository to do harm. */
const HOSTILE: readonly string[] = [
  "<script>alert(1)</script>",
  "</style><script>alert(1)</script>",
  "</code></pre><img src=x onerror=alert(1)>",
  `"onmouseover="alert(1)`,
  "'onmouseover='alert(1)",
  "javascript:alert(1)",
  "&lt;script&gt;&amp;",
  "a\u202egpj.exe",
  "\u2066\u2067\u061c\u200f",
  "\ud800 half \udc00",
  "\x00\x01\x1b[31m\x7f\x9b",
  "line\nline\r\nline\tline\u2028line\u2029line",
  "<!--",
  "-->",
  "]]>",
  "${1}`",
  "\\",
  "\ufeff\ufffe\uffff",
  "x".repeat(100_000),
  "<".repeat(100_000),
];

describe("a page", () => {
  const pageOf = (text: string) => [
    repositoryPage(FRAME, {
      path: `/${text}`,
      overview: {
        description: text,
        head: "branch",
        branch: text,
        branches: { count: 1, isAll: true },
        tags: { count: 10_000, isAll: false },
        commit: { subject: text, time: 1_767_225_600 },
      },
    }),
    indexPage({
      ...FRAME,
      repositories: [
        {
          path: `/${text}`,
          overview: { head: "unborn", branch: text, description: text },
        },
        { path: `/${text}`, overview: undefined },
      ],
      total: 1000,
      isCut: true,
      query: text.slice(0, 100).toWellFormed(),
      page: 2,
      pages: 3,
      user: text,
      maySignIn: false,
    }),
  ];
  const plain = pageOf("plain").map(skeleton);

  it("has the same elements and attributes, whatever stands in it", () => {
    for (const text of HOSTILE) {
      pageOf(text).forEach((page, i) => {
        assert.deepEqual(skeleton(page), plain[i], JSON.stringify(text));
      });
    }
  });

  it("is not led astray by any mixture of such texts", () => {
    const random = seeded(0x6e1);
    const pieces = [...HOSTILE.slice(0, -2), ..."<>&\"'/= \n-!`"];
    for (let i = 0; i < 300; i++) {
      const text = Array.from(
        { length: 1 + random.int(6) },
        () => random.pick(pieces),
      ).join("");
      pageOf(text).forEach((page, j) => {
        assert.deepEqual(skeleton(page), plain[j], JSON.stringify(text));
      });
    }
  });

  it("stays small, whatever stands in it", () => {
    for (const text of HOSTILE) {
      // The path in a line to clone by is never cut: it would be another one.
      const length = repositoryPage(FRAME, {
        path: "/a",
        overview: { head: "branch", branch: text, description: text },
      }).length;
      assert.ok(length < 12_000, `${length} for ${text.slice(0, 20)}`);
    }
  });

  it("shows no character that turns the direction of text or is unseen", () => {
    for (const text of HOSTILE) {
      for (const page of pageOf(text)) {
        assert.ok(page.isWellFormed());
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(page, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
        assert.doesNotMatch(page, /[\u202a-\u202e\u2066-\u2069\u200e\u200f]/);
      }
    }
  });

  it("loads nothing and runs nothing", () => {
    for (const page of pageOf("plain")) {
      assert.doesNotMatch(page, /<(?:script|img|link|iframe|object|base)\b/);
      assert.doesNotMatch(
        page,
        /\b(?:src|srcset|style|on[a-z]+)=|url\(|@import/,
      );
      assert.match(page, /^<!DOCTYPE html>\n<html lang="en">\n/);
    }
  });

  it("leads to the pages before and behind it, with what was searched", () => {
    const page = pageOf("a&b")[1] as string;
    assert.match(page, /<a rel="prev" href="\/\?q=a%26b&amp;page=1">/);
    assert.match(page, /<a rel="next" href="\/\?q=a%26b&amp;page=3">/);
    assert.match(page, /1,000 repositories whose name contains/);
    assert.match(page, /There are more, which were not looked for/);
  });

  it("says what HEAD is", () => {
    const words = (head: "branch" | "unborn" | "detached" | "missing") =>
      repositoryPage(FRAME, {
        path: "/a.git",
        overview: { head, branch: "main" },
      });
    assert.match(words("branch"), /<code><bdi>main<\/bdi><\/code><\/dd>/);
    assert.match(words("unborn"), /main<\/bdi><\/code>, without a commit yet/);
    assert.match(words("detached"), /HEAD is a commit of its own/);
    assert.match(words("missing"), /<dd>none<\/dd>/);
  });

  it("has no time of a commit that no calendar has", () => {
    for (const time of [0, -1, NaN, Infinity, 2 ** 53]) {
      const page = repositoryPage(FRAME, {
        path: "/a.git",
        overview: { head: "branch", commit: { subject: "s", time } },
      });
      assert.doesNotMatch(page, /<time/);
    }
  });
});

/** Every tag with the names of its attributes; no text. */
function skeleton(page: string): string[] {
  const { index = 0 } = /<body>/.exec(page) ?? {};
  const found: string[] = [];
  for (
    const [, tag, attributes] of page.slice(index).matchAll(
      /<(\/?[a-z0-9]+|!--)((?:\s+[a-z-]+="[^"]*")*)\s*>/g,
    )
  ) {
    found.push(tag + (attributes ?? "").replace(/="[^"]*"/g, ""));
  }
  // Whatever looks like markup and is not of this form would be more of these.
  const rough = page.slice(index).match(/</g)?.length;
  assert.equal(found.length, rough);
  return found;
}

test("visible cuts, and keeps what is read", () => {
  assert.equal(visible("  a\n\t b  ", 20), "a b");
  assert.equal(visible("Grüße, 世界 👋", 20), "Grüße, 世界 👋");
  assert.equal(visible("abcdef", 3), "abc\u2026");
  assert.equal(visible("a👋", 2), "a\ufffd\u2026");
  assert.equal(visible("a\u202eb\0c", 9), "a\ufffdb\ufffdc");
});

describe("lines to clone by", () => {
  const at = (
    scheme: PageAddress["scheme"],
    hostname: string,
    port: number,
  ): PageAddress => ({ scheme, hostname, port });

  it("name where the server listens, HTTP first", () => {
    assert.deepEqual(
      cloneBases([at("git", "127.0.0.1", 9418), at("http", "::1", 8080)]),
      ["http://[::1]:8080/", "git://127.0.0.1/"],
    );
    assert.deepEqual(
      cloneBases([at("http", "a", 80), at("https", "a", 443)]),
      ["https://a/"],
    );
  });

  it("have a word where nobody knows the address", () => {
    assert.deepEqual(cloneBases([]), ["ADDRESS/"]);
    const bases = cloneBases([
      at("git", "0.0.0.0", 9418),
      at("git", "/run/socket", 0),
      at("http", "::", 8080),
    ]);
    assert.deepEqual(bases, ["http://ADDRESS:8080/", "git://ADDRESS/"]);
    assert.ok(bases.every(hasPlaceholder));
    assert.ok(!hasPlaceholder("http://ADDRESSES/"));
    assert.equal(
      cloneBases([at("http", "0.0.0.0", 80), at("http", "10.0.0.1", 80)])[0],
      "http://10.0.0.1/",
    );
  });

  it("name the public URL, and git:// where that can be reached", () => {
    const url = parsePublicUrl("https://git.example.com/code");
    assert.deepEqual(
      cloneBases([at("http", "127.0.0.1", 8080)], url),
      ["https://git.example.com/code/"],
    );
    assert.deepEqual(
      cloneBases([at("git", "127.0.0.1", 9418)], url).length,
      1,
    );
    assert.deepEqual(
      cloneBases([at("git", "::", 9418)], url)[1],
      "git://git.example.com/",
    );
  });

  it("refuse what is no public URL", () => {
    for (
      const text of [
        ...["", "git.example.com", "ftp://a/", "javascript:alert(1)"],
        ...["https://u:p@a/", "https://a/?q", "https://a/#f", "https://"],
      ]
    ) {
      assert.throws(() => parsePublicUrl(text), { code: "usage" }, text);
    }
  });

  it("are one word to a shell", () => {
    assert.equal(
      cloneLine("http://a/", "/team/hello.git"),
      "git clone http://a/team/hello.git",
    );
    assert.equal(
      cloneLine("http://[::1]:8080/", "/a.git"),
      "git clone 'http://[::1]:8080/a.git'",
    );
    const random = seeded(0xc10e);
    for (let i = 0; i < 500; i++) {
      const path = "/" + String.fromCharCode(
        ...Array.from({ length: 5 }, () => 32 + random.int(95)),
      );
      assert.match(
        cloneLine("http://a/", path),
        /^git clone http:\/\/a\/[\w./%~-]*$/,
        path,
      );
      assert.equal(decodeURIComponent(encodePath(path)), path);
    }
  });
});

describe("routes", () => {
  const route = (path: string, method = "GET") =>
    findRoute(method, new URL(`http://localhost${path}`));

  it("lead to pages where nothing else is asked for", () => {
    assert.deepEqual(route("/"), { kind: "index" });
    assert.deepEqual(route("/?q=a", "HEAD"), { kind: "index" });
    for (const path of ["/a/b.git", "/a/b.git/", "/a/b.git//"]) {
      assert.deepEqual(route(path), { kind: "page", path: "/a/b.git" });
    }
    assert.equal(route("/a.git/info/refs").kind, "plain");
  });

  it("lead nowhere by other methods and by hidden characters", () => {
    assert.deepEqual(route("/", "POST"), {
      kind: "wrong-method",
      allow: "GET, HEAD",
    });
    assert.deepEqual(route("/a.git", "POST"), { kind: "unknown" });
    for (const path of ["/a%00", "/a%0a.git", "/a%2fb", "/a%5cb", "/%ff"]) {
      assert.deepEqual(route(path), { kind: "unknown" }, path);
    }
  });

  it("know Git LFS by any method, below a repository alone", () => {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      for (const rest of ["", "/objects/batch", "/locks/verify"]) {
        const { kind } = route(`/a.git/info/lfs${rest}`, method);
        assert.equal(kind, "lfs");
      }
    }
    assert.notEqual(route("/a.git/info/lfsx").kind, "lfs");
  });

  it("take a server that serves one repository", () => {
    const found = route("/info/refs?service=git-upload-pack");
    assert.equal(found.kind === "info-refs" && found.path, "/");
  });
});
