import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DictBackend,
  FileSystemBackend,
  findRepository,
  MemoryRepository,
  serveCommand,
  serveTcp,
} from "../../../src/compose.ts";
import { fillWelcome } from "../../../src/cli/welcome.ts";
import { after, before, describe, it } from "../../support/test.ts";

function welcome(): DictBackend {
  const repository = new MemoryRepository();
  fillWelcome(repository);
  return new DictBackend({ "welcome.git": repository });
}

async function command(path: string, sent: string): Promise<string> {
  const output = new TransformStream<Uint8Array, Uint8Array>();
  const answer = new Response(output.readable).text();
  answer.catch(() => {});
  await serveCommand({
    backend: welcome(),
    service: "git-upload-pack",
    path,
    input: new Blob([sent]).stream(),
    output: output.writable,
  });
  return await answer;
}

describe("serveCommand", () => {
  it("serves one session over a pair of streams", async () => {
    const answer = await command("/welcome.git", "0000");
    assert.match(answer, /^[0-9a-f]{44} HEAD\0.* agent=gitsrv\//);
    assert.match(answer, /refs\/heads\/main\n0000$/);
  });

  it("rejects where there is no such repository, with nothing sent", async () => {
    await assert.rejects(command("/none.git", "0000"), {
      name: "RefusedError",
      code: "no-such-repository",
    });
  });

  it("rejects after it has told a client that breaks the rules", async () => {
    await assert.rejects(command("/welcome.git", "junk"), {
      name: "ProtocolError",
      message: "protocol error: bad line length character: junk",
    });
  });

  it("wants both streams or none", async () => {
    await assert.rejects(
      serveCommand({
        backend: welcome(),
        service: "git-upload-pack",
        path: "/welcome.git",
        input: new Blob([]).stream(),
      }),
      TypeError,
    );
  });
});

describe("serveTcp", () => {
  it("serves until its signal aborts", async () => {
    const stop = new AbortController();
    const server = await serveTcp({
      backend: welcome(),
      port: 0,
      signal: stop.signal,
    });
    const text = await ask(
      server.port,
      "0021git-upload-pack /welcome.git\x000000",
    );
    assert.match(text, /refs\/heads\/main\n0000$/);
    stop.abort();
    await server.finished;
    await assert.rejects(ask(server.port, ""));
  });

  it("does not begin once its signal has aborted", async () => {
    await assert.rejects(
      serveTcp({
        backend: welcome(),
        port: 0,
        signal: AbortSignal.abort(new Error("too late")),
      }),
      /too late/,
    );
  });
});

describe("findRepository", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "gitsrv-compose-"));
  });
  after(() => rmSync(root, { recursive: true }));

  function make(path: string): void {
    for (const part of ["objects", "refs"]) {
      mkdirSync(join(root, path, part), { recursive: true });
    }
    writeFileSync(join(root, path, "HEAD"), "ref: refs/heads/main\n");
  }

  it("finds the nearest repository, and none where there is none", () => {
    assert.equal(findRepository(root), undefined);
    make("a/b/deep.git");
    assert.equal(findRepository(root), "a/b/deep.git");
    make("z/work/.git");
    make("b.git");
    assert.equal(findRepository(root), "b.git");
  });

  it("backs a FileSystemBackend, which refuses what is outside", async () => {
    make("good.git");
    const backend = new FileSystemBackend(root);
    const repository = await backend.openRepository("/good.git");
    assert.equal(repository.format.name, "sha1");
    for (const path of ["/../good.git", "/none", "good.git"]) {
      await assert.rejects(backend.openRepository(path), {
        code: "no-such-repository",
      });
    }
  });
});

/** Sends text and FIN, and gives what comes back until the end. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => answer += chunk);
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
    socket.on("connect", () => socket.end(text, "latin1"));
  });
}
