import type { Identity } from "../../../../src/server/access/types.ts";
import assert from "node:assert/strict";
import {
  createHandler,
  DictBackend,
  type HandlerOptions,
  MemoryRepository,
} from "../../../../mod.ts";
import { STYLE } from "../../../../src/server/http/page_style.ts";
import { readerOf } from "../../../../src/server/http/admission.ts";
import type {
  Exchange,
  HttpContext,
} from "../../../../src/server/http/types.ts";
import type { Repository } from "../../../../src/storage/types.ts";
import { describe, it } from "../../../support/test.ts";

/** One commit on "trunk", and a branch and a tag beside it. */
function filled(message: string): MemoryRepository {
  const repository = new MemoryRepository();
  const commit = repository.addCommit({
    tree: repository.addTree([]),
    author: { name: "A", email: "a@example.com", time: 1_767_225_600 },
    message,
  });
  repository.setRef("refs/heads/trunk", commit);
  repository.setRef("refs/heads/other", commit);
  repository.setRef("refs/tags/v1", commit);
  repository.setSymbolicRef("HEAD", "refs/heads/trunk");
  return repository;
}

const hello = filled("Say <hello>\n\nAnd more.\n");

function asking(
  repositories: Readonly<Record<string, Repository>>,
  options: HandlerOptions = {},
) {
  const handler = createHandler(new DictBackend(repositories), options);
  return (path: string, headers: Record<string, string> = {}, method = "GET") =>
    handler(new Request(`http://evil.example${path}`, { headers, method }));
}

describe("the page at /", () => {
  const ask = asking({
    "hello.git": hello,
    "/team/empty.git": new MemoryRepository(),
    "bad\nname": hello,
  });

  it("lists repositories with their default branches", async () => {
    const response = await ask("/");
    assert.equal(response.status, 200);
    const page = await response.text();
    assert.match(page, /2 repositories/);
    assert.match(page, /<a href="\/hello.git"><bdi>hello.git<\/bdi><\/a>/);
    assert.match(page, /branch: <code><bdi>trunk<\/bdi><\/code><\/p>/);
    assert.match(page, /main<\/bdi><\/code>, without a commit yet/);
    assert.match(page, /<code>git clone ADDRESS\/team\/empty.git<\/code>/);
  });

  it("says nothing that a request says", async () => {
    for (const path of ["/", "/hello.git"]) {
      const response = await ask(path, {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "evil",
        "Forwarded": "host=evil.example",
      });
      assert.doesNotMatch(await response.text(), /evil/);
      for (const [, value] of response.headers) {
        assert.doesNotMatch(value, /evil/);
      }
    }
  });

  it("has the URL that the operator says", async () => {
    const known = asking(
      { "hello.git": hello },
      { publicUrl: "https://git.example.com/code" },
    );
    const page = await (await known("/")).text();
    assert.match(page, /git clone https:\/\/git.example.com\/code\/hello.git</);
    assert.match(page, /<a href="\/code\/hello.git">/);
  });

  it("allows its own style alone, and no frame", async () => {
    const response = await ask("/");
    const hash = new Uint8Array(
      await crypto.subtle.digest("SHA-256", new TextEncoder().encode(STYLE)),
    );
    assert.equal(
      response.headers.get("content-security-policy"),
      `default-src 'none'; style-src 'sha256-${
        btoa(String.fromCharCode(...hash))
      }'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    assert.ok((await response.text()).includes(`<style>${STYLE}</style>`));
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
    assert.equal(
      response.headers.get("content-type"),
      "text/html; charset=utf-8",
    );
  });

  it("is not sent again to whoever has it", async () => {
    const etag = (await ask("/")).headers.get("etag") ?? "";
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const response = await ask("/", { "If-None-Match": tag });
      assert.equal(response.status, 304);
      assert.equal(await response.text(), "");
      assert.equal(response.headers.get("etag"), etag);
    }
    const other = await ask("/", { "If-None-Match": '"other"' });
    assert.equal(other.status, 200);
  });

  it("answers HEAD without a body, and POST not at all", async () => {
    const head = await ask("/", {}, "HEAD");
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
    const post = await ask("/", {}, "POST");
    assert.equal(post.status, 405);
    assert.equal(post.headers.get("allow"), "GET, HEAD");
  });

  it("says so where there is none, and where none are listed", async () => {
    const none = await (await asking({})("/")).text();
    assert.match(none, /No repositories/);
    const handler = createHandler({
      openRepository: () => Promise.resolve(hello),
    });
    const unlisted = await handler(new Request("http://localhost/"));
    assert.match(await unlisted.text(), /does not list its repositories/);
  });

  it("has pages of fifty, and finds names", async () => {
    const many = Object.fromEntries(
      Array.from(
        { length: 120 },
        (_, i) => [`r${String(i).padStart(3, "0")}.git`, hello],
      ),
    );
    const askMany = asking(many);
    const names = async (query: string) => {
      const page = await (await askMany(`/${query}`)).text();
      return [...page.matchAll(/<bdi>(r\d+)\.git/g)].map(([, name]) => name);
    };
    assert.deepEqual((await names("")).length, 50);
    assert.deepEqual((await names("?page=3"))[0], "r100");
    assert.deepEqual(await names("?page=999"), await names("?page=3"));
    assert.deepEqual(await names("?page=-1"), await names(""));
    assert.deepEqual(await names("?q=R11"), [
      ...Array.from({ length: 10 }, (_, i) => `r11${i}`),
    ]);
    assert.deepEqual(await names("?q=%3Cb%3E"), []);
    assert.deepEqual((await names("?q=r&page=2"))[0], "r050");
  });
});

describe("the page of a repository", () => {
  const ask = asking({ "hello.git": hello, "empty": new MemoryRepository() });

  it("tells of its branches, its tags and its last commit", async () => {
    for (const path of ["/hello.git", "/hello.git/"]) {
      const response = await ask(path);
      assert.equal(response.status, 200);
      const page = (await response.text()).replace(/\n/g, "");
      assert.match(page, /<dt>Branches<\/dt><dd>2<\/dd>/);
      assert.match(page, /<dt>Tags<\/dt><dd>1<\/dd>/);
      assert.match(page, /Say &lt;hello&gt;<\/span>/);
      assert.match(page, /<time class="soft" datetime="2026-01-01T00:00:00Z">/);
      assert.match(page, /git clone ADDRESS\/hello.git</);
    }
  });

  it("is there without a commit, and not without a repository", async () => {
    const empty = await ask("/empty");
    assert.match(await empty.text(), /main<\/bdi><\/code>, without a commit/);
    for (const path of ["/none.git", "/hello.git/objects", "//hello.git/x"]) {
      assert.equal((await ask(path)).status, 404, path);
    }
  });

  it("shows of a message what git calls its subject", async () => {
    const cases: Readonly<Record<string, string>> = {
      "One\nline\n\nand more": "One line",
      "\n \n  Late  \n": "Late",
      "": "",
      "Grüße": "Grüße",
    };
    const repositories = Object.fromEntries(
      Object.keys(cases).map((message, i) => [`r${i}`, filled(message)]),
    );
    const askAll = asking(repositories);
    for (const [i, subject] of Object.values(cases).entries()) {
      const page = await (await askAll(`/r${i}`)).text();
      assert.equal(/<span dir="auto">(.*?)<\/span>/.exec(page)?.[1], subject);
    }
  });

  it("leaves out refs that are hidden", async () => {
    const repository = new MemoryRepository({
      config: { "transfer.hideRefs": "refs/tags" },
    });
    const commit = repository.addCommit({
      tree: repository.addTree([]),
      author: { name: "A", email: "a@example.com", time: 1 },
      message: "m",
    });
    repository.setRef("refs/tags/secret", commit);
    const page = await (await asking({ r: repository })("/r")).text();
    assert.match(page.replace(/\n/g, ""), /<dt>Tags<\/dt><dd>0<\/dd>/);
  });

  it("is refused where clones are", async () => {
    const off = new MemoryRepository({
      config: { "daemon.uploadpack": "false", "http.uploadpack": "false" },
    });
    const askOff = asking({ off, on: hello });
    assert.equal((await askOff("/off")).status, 403);
    assert.doesNotMatch(await (await askOff("/")).text(), /<bdi>off</);
  });
});

describe("whoever asks for pages", () => {
  const ask = asking({ "open.git": hello, "secret.git": hello }, {
    authorize: (request, path) => {
      if (path === "/open.git") return { verdict: "allowed" };
      const given = request.headers.get("authorization");
      return given === "Bearer right"
        ? { verdict: "allowed", user: "alice" }
        : { verdict: "unauthenticated" };
    },
  });
  const names = async (response: Response) =>
    [...(await response.text()).matchAll(/<bdi>(\w+)\.git/g)]
      .map(([, name]) => name);

  it("sees what they may read", async () => {
    assert.deepEqual(await names(await ask("/")), ["open"]);
    const right = { Authorization: "Bearer right" };
    assert.deepEqual(await names(await ask("/", right)), ["open", "secret"]);
    assert.equal((await ask("/secret.git", right)).status, 200);
    assert.equal((await ask("/?sign-in", right)).status, 200);
  });

  it("is asked for credentials where they would help or are wrong", async () => {
    const wrong = { Authorization: "Bearer wrong" };
    for (
      const response of [
        await ask("/", wrong),
        await ask("/?sign-in"),
        await ask("/secret.git"),
        await ask("/secret.git", wrong),
      ]
    ) {
      assert.equal(response.status, 401);
      assert.ok(response.headers.has("www-authenticate"));
    }
    assert.match(await (await ask("/")).text(), /<a href="\/\?sign-in">/);
  });

  it("is held to the rules, as who they are", () => {
    const reader = (identity: Identity) =>
      readerOf(
        {
          request: new Request("http://localhost/"),
          identity,
          context: {
            credentials: {
              challenges: ['Basic realm="r"'],
              identify: () => Promise.resolve(identity),
            },
            access: {
              allows: (path, kind, user) =>
                kind === "read" && (path === "/a" || user === "alice"),
            },
          } satisfies Partial<HttpContext>,
        } as unknown as Exchange,
      );
    const nobody = reader({ type: "nobody" });
    assert.deepEqual([nobody.mayRead("/a"), nobody.mayRead("/b")], [
      true,
      false,
    ]);
    assert.ok(nobody.maySignIn());
    const alice = reader({ type: "user", name: "alice" });
    assert.equal(alice.user, "alice");
    assert.ok(alice.mayRead("/b"));
    assert.ok(!alice.maySignIn());
    for (const [type, status] of [["wrong", 401], ["busy", 503]] as const) {
      assert.throws(() => reader({ type }), { status });
    }
  });
});

describe("Git LFS", () => {
  it("is refused with words in JSON, whatever is asked", async () => {
    const ask = asking({ "hello.git": hello });
    for (const method of ["GET", "POST", "PUT"]) {
      for (const path of ["/hello.git", "/none"]) {
        const response = await ask(
          `${path}/info/lfs/objects/batch`,
          {},
          method,
        );
        assert.equal(response.status, 501);
        assert.equal(
          response.headers.get("content-type"),
          "application/vnd.git-lfs+json",
        );
        const { message } = await response.json();
        assert.match(message, /^Git LFS is not supported by this server/);
      }
    }
  });
});
