import assert from "node:assert/strict";
import {
  createHandler,
  DictBackend,
  MemoryRepository,
} from "../../../../mod.ts";
import { isOrigin } from "../../../../src/server/http/cors.ts";
import { describe, it } from "../../../support/test.ts";

const PAGE = "https://page.example";
const REFS = "http://h/a.git/info/refs?service=git-upload-pack";

function ask(
  cors: readonly string[] | undefined,
  headers: Record<string, string>,
  method = "GET",
): Promise<Response> {
  const backend = new DictBackend({ "a.git": new MemoryRepository() });
  const handler = createHandler(backend, cors === undefined ? {} : { cors });
  return handler(new Request(REFS, { method, headers }));
}

const preflight = {
  "Origin": PAGE,
  "Access-Control-Request-Method": "POST",
  "Access-Control-Request-Headers": "content-type,git-protocol",
};

function corsNames({ headers }: Response): string[] {
  return [...headers.keys()].filter((name) =>
    name.startsWith("access-control-")
  );
}

describe("requests of pages of other origins", () => {
  it("are told nothing unless origins are named", async () => {
    for (const method of ["GET", "OPTIONS"]) {
      for (const cors of [undefined, []]) {
        const response = await ask(cors, preflight, method);
        assert.deepEqual(corsNames(response), []);
        assert.equal(response.headers.get("vary"), null);
      }
    }
  });

  it("may ask first, and learn what they may send", async () => {
    const { status, headers, body } = await ask([PAGE], preflight, "OPTIONS");
    assert.equal(status, 204);
    assert.equal(body, null);
    assert.equal(headers.get("access-control-allow-origin"), PAGE);
    assert.equal(
      headers.get("access-control-allow-methods"),
      "GET, HEAD, POST",
    );
    const names = headers.get("access-control-allow-headers")?.split(", ");
    for (
      const name of [
        "content-type",
        "authorization",
        "git-protocol",
        "content-encoding",
        "accept",
        "range",
      ]
    ) assert.ok(names?.includes(name), name);
    assert.match(headers.get("vary") ?? "", /\bOrigin\b/);
    assert.ok(Number(headers.get("access-control-max-age")) > 0);
  });

  it("may read answers, those that refuse as well", async () => {
    const response = await ask(["https://other.example", PAGE], {
      "Origin": PAGE,
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("access-control-allow-origin"), PAGE);
    assert.equal(response.headers.get("vary"), "Origin");
    const backend = new DictBackend({});
    const refused = await createHandler(backend, { cors: [PAGE] })(
      new Request(REFS, { headers: { Origin: PAGE } }),
    );
    assert.equal(refused.status, 404);
    assert.equal(refused.headers.get("access-control-allow-origin"), PAGE);
  });

  it("are told nothing where their origin is another one", async () => {
    for (
      const Origin of [
        "https://page.example.evil",
        "https://page.example:8443",
        "http://page.example",
        "HTTPS://PAGE.EXAMPLE",
        "null",
        "*",
      ]
    ) {
      for (const method of ["GET", "OPTIONS"]) {
        const response = await ask([PAGE], { ...preflight, Origin }, method);
        assert.deepEqual(corsNames(response), [], Origin);
        // Or else a cache would give that to the right page.
        assert.match(response.headers.get("vary") ?? "", /Origin/);
      }
    }
  });

  it("never bring what the browser keeps for us", async () => {
    for (const cors of [[PAGE], ["*"], ["*", PAGE]]) {
      for (const method of ["GET", "OPTIONS"]) {
        const response = await ask(cors, preflight, method);
        const { headers } = response;
        assert.ok(!headers.has("access-control-allow-credentials"));
        const said = headers.get("access-control-allow-origin");
        assert.equal(said, cors.includes("*") ? "*" : PAGE);
      }
    }
  });

  it("change nothing for those who name no origin", async () => {
    const response = await ask([PAGE], {});
    assert.equal(response.status, 200);
    assert.deepEqual(corsNames(response), []);
  });
});

describe("an origin", () => {
  it("is a scheme, a host and perhaps a port, or all of them", () => {
    for (
      const good of ["*", PAGE, "http://localhost:3000", "http://[::1]:80811"]
        .slice(0, 3).concat("moz-extension://0a1b")
    ) assert.ok(isOrigin(good), good);
    for (
      const bad of [
        "",
        "page.example",
        `${PAGE}/`,
        `${PAGE}/x`,
        `${PAGE}:443`,
        "https://*.example",
        "https://PAGE.example",
        "null",
        `${PAGE}, ${PAGE}`,
        `https://u@page.example`,
      ]
    ) assert.ok(!isOrigin(bad), bad);
  });
});
