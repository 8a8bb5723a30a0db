/**
 * What services do behind a function of a request: pushes with their hooks,
 * repositories that pushes make, archives as newer git asks for them.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  createHandler,
  FileSystemBackend,
  type HandlerOptions,
  type PushEvent,
  RefusedError,
} from "../../mod.ts";
import { fromBinary, toBinary } from "../../src/core/bytes.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, gitEnvironment } from "../support/git.ts";
import { packet } from "../support/http_trials.ts";
import { describe, it } from "../support/test.ts";

const ZERO = "0".repeat(40);

describe("services over HTTP", () => {
  const root = temporaryDirectory("http-services");
  const env = gitEnvironment();
  const backend = new FileSystemBackend(root, { env: (name) => env[name] });

  const serve = (options: HandlerOptions) => createHandler(backend, options);
  const asAda: HandlerOptions = {
    authorize: () => ({ verdict: "allowed", user: "Ada L" }),
  };

  async function post(
    handler: (request: Request) => Promise<Response>,
    target: string,
    body: string,
  ): Promise<{ status: number; text: string }> {
    const service = target.slice(target.lastIndexOf("/") + 1);
    const response = await handler(
      new Request(`http://localhost${target}`, {
        method: "POST",
        headers: { "content-type": `application/x-${service}-request` },
        body: fromBinary(body),
      }),
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, text: toBinary(bytes) };
  }

  const refsOf = async (
    handler: (request: Request) => Promise<Response>,
    path: string,
    service: string,
  ) =>
    await handler(
      new Request(`http://localhost${path}/info/refs?service=git-${service}`),
    );

  it("tell hooks and callbacks who pushes, as git http-backend does", async () => {
    const path = join(root, "hooked.git");
    const { main } = smallRepository(path);
    await git(["update-ref", "refs/heads/gone", main], { cwd: path });
    const hook = join(path, "hooks", "pre-receive");
    mkdirSync(join(path, "hooks"), { recursive: true });
    const names = "$REMOTE_USER|$GIT_COMMITTER_NAME|$GIT_COMMITTER_EMAIL";
    writeFileSync(hook, `#!/bin/sh\necho "${names}" >told\n`);
    chmodSync(hook, 0o755);
    const events: PushEvent[] = [];
    const handler = serve({
      ...asAda,
      onPreReceive: (event) => void events.push(event),
    });
    const { status, text } = await post(
      handler,
      "/hooked.git/git-receive-pack",
      packet(`${main} ${ZERO} refs/heads/gone\0report-status`) + "0000",
    );
    assert.equal(status, 200);
    assert.match(text, /unpack ok\n.*ok refs\/heads\/gone\n/s);
    assert.equal(
      readFileSync(join(path, "told"), "latin1"),
      "Ada L|Ada L|Ada L@http.(none)\n",
    );
    assert.deepEqual(events.map(({ user }) => user), ["Ada L"]);
  });

  it("say why a push is refused, however much of it is still to come", async () => {
    const { main } = smallRepository(join(root, "refusing.git"));
    const handler = serve({
      ...asAda,
      onPreReceive: () => {
        throw new RefusedError("no", "not today");
      },
    });
    const caps = "report-status side-band-64k";
    const { status, text } = await post(
      handler,
      "/refusing.git/git-receive-pack",
      packet(`${main} ${ZERO} refs/heads/main\0${caps}`) + "0000",
    );
    assert.equal(status, 200);
    // deno-lint-ignore no-control-regex
    assert.match(text, /\x02not today\n/);
    assert.match(text, /ng refs\/heads\/main pre-receive hook declined/);
  });

  it("leave nothing behind where a push to nowhere does not come", async () => {
    const handler = serve({ ...asAda, createOnPush: true });
    const response = await refsOf(handler, "/new/one.git", "receive-pack");
    assert.equal(response.status, 200);
    assert.match(await response.text(), /capabilities\^\{\}/);
    const probe = await post(handler, "/new/one.git/git-receive-pack", "0000");
    assert.equal(probe.status, 200);
    assert.ok(!existsSync(join(root, "new")));
    const fetch = await refsOf(handler, "/new/one.git", "upload-pack");
    assert.equal(fetch.status, 404);
    const anonymous = await refsOf(
      serve({ createOnPush: true }),
      "/new/one.git",
      "receive-pack",
    );
    assert.equal(anonymous.status, 404);
    assert.ok(!existsSync(join(root, "new")));
  });

  it("make archives for those who have said who they are", async () => {
    const path = join(root, "archived.git");
    smallRepository(path);
    const target = "/archived.git/git-upload-archive";
    const asked = packet("argument --format=tar\n") +
      packet("argument main\n") + "0000";
    assert.equal((await post(serve({}), target, asked)).status, 403);
    const { status, text } = await post(serve(asAda), target, asked);
    assert.equal(status, 200);
    assert.ok(text.startsWith(packet("ACK\n") + "0000"));
    let tar = "";
    for (let at = 12; at < text.length;) {
      const length = parseInt(text.slice(at, at + 4), 16);
      if (length > 4) {
        assert.equal(text[at + 4], "\x01");
        tar += text.slice(at + 5, at + length);
      }
      at += Math.max(length, 4);
    }
    const expected = await git(["archive", "--format=tar", "main"], {
      cwd: path,
    });
    assert.ok(tar === expected, "another archive than git's");
    const refs = await refsOf(serve(asAda), "/archived.git", "upload-archive");
    assert.equal(refs.status, 200);
    assert.equal(
      await refs.text(),
      packet("# service=git-upload-archive\n") + "0000",
    );
  });
});
