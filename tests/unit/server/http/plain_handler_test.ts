/**
 * Plain files of repositories that have none, by the handler alone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import {
  createHandler,
  DictBackend,
  type HandlerOptions,
  MemoryRepository,
} from "../../../../mod.ts";
import { describe, it } from "../../../support/test.ts";

function serving(
  config: Record<string, string> = {},
  options: HandlerOptions = {},
) {
  const repository = new MemoryRepository({ config });
  const blob = repository.addBlob("hello\n");
  repository.setRef("refs/tags/hello", blob);
  repository.setRef("refs/secret/hello", blob);
  const backend = new DictBackend({ "a.git": repository });
  const handler = createHandler(backend, options);
  const ask = (name: string, init: RequestInit = {}) =>
    handler(new Request(`http://localhost/a.git/${name}`, init));
  return { ask, blob, loose: `objects/${blob.slice(0, 2)}/${blob.slice(2)}` };
}

describe("plain files of a repository in memory", () => {
  it("are its refs, no packs, and each object on its own", async () => {
    const { ask, blob, loose } = serving({
      "uploadpack.hiderefs": "refs/secret",
    });
    const refs = await ask("info/refs");
    assert.equal(await refs.text(), `${blob}\trefs/tags/hello\n`);
    assert.equal(await (await ask("objects/info/packs")).text(), "\n");
    assert.equal((await ask("objects/info/alternates")).status, 404);
    // Nothing has been committed yet: as git, HEAD tells nothing.
    assert.equal(await (await ask("HEAD")).text(), "");
    const object = Buffer.from(await (await ask(loose)).arrayBuffer());
    assert.equal(inflateSync(object).toString(), "blob 6\0hello\n");
    const part = await ask(loose, { headers: { range: "bytes=2-" } });
    assert.equal(part.status, 206);
    assert.deepEqual(
      Buffer.from(await part.arrayBuffer()),
      object.subarray(2),
    );
    for (const id of ["0".repeat(40), `${blob}${"0".repeat(24)}`]) {
      const absent = await ask(`objects/${id.slice(0, 2)}/${id.slice(2)}`);
      assert.equal(absent.status, 404, id);
    }
  });

  it("tell a HEAD what a GET would get, without it", async () => {
    const { ask, loose } = serving();
    for (const name of ["info/refs", "objects/info/packs", "HEAD", loose]) {
      const body = await (await ask(name)).arrayBuffer();
      const head = await ask(name, { method: "HEAD" });
      assert.equal(head.headers.get("content-length"), `${body.byteLength}`);
      assert.equal(await head.text(), "");
    }
  });

  it("come whole to who asks for 10,000 ranges", async () => {
    const { ask, loose } = serving();
    const range = `bytes=${"0-0,".repeat(9_999)}1-1`;
    assert.equal((await ask(loose, { headers: { range } })).status, 200);
  });

  it("are served where upload-pack is, unless the repository differs", async () => {
    const disabled: HandlerOptions = {
      services: [{ service: "upload-pack", change: "disable" }],
    };
    const forbidden: HandlerOptions = {
      services: [
        { service: "upload-pack", change: "disable" },
        { service: "upload-pack", change: "forbid-override" },
      ],
    };
    const yes = { "http.getanyfile": "true" };
    const cases = [
      [{}, {}, 200],
      [{ "http.getanyfile": "false" }, {}, 403],
      [{ "http.uploadpack": "false" }, {}, 200],
      [{}, disabled, 403],
      [yes, disabled, 200],
      [yes, forbidden, 403],
      [{ "http.getanyfile": "perhaps" }, {}, 500],
    ] as const;
    for (const [config, options, status] of cases) {
      const { ask } = serving(config, options);
      assert.equal(
        (await ask("info/refs")).status,
        status,
        JSON.stringify([config, options]),
      );
    }
  });

  it("are asked about by the path and as files", async () => {
    const asked: string[] = [];
    const { ask } = serving({}, {
      authorize(_request, repository, service) {
        asked.push(`${repository} ${service}`);
        return { verdict: "unauthenticated" };
      },
    });
    for (const name of ["info/refs", "HEAD"]) {
      assert.equal((await ask(name)).status, 401);
    }
    assert.deepEqual(asked, ["/a.git files", "/a.git files"]);
  });
});
