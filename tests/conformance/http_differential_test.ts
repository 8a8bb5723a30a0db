/**
 * Requests for smart HTTP, made from seeds: the same to ours, as a function of
 * a request, and to `git http-backend`. Status, headers and bodies are equal,
 * but for what {@linkcode ON_PURPOSE} says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { createHandler, FileSystemBackend } from "../../mod.ts";
import { fromBinary, toBinary } from "../../src/core/bytes.ts";
import { SILENT } from "../../src/core/logger.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { exportOk, smallRepository } from "../support/fixture_small.ts";
import { git, gitEnvironment } from "../support/git.ts";
import {
  askHttpBackend,
  type HttpOutcome,
  type HttpTrial,
} from "../support/http_backend.ts";
import {
  HTTP_WORLDS,
  type KnownIds,
  randomTrial,
} from "../support/http_trials.ts";
import { seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";

const SEEDS = 8;
const CASES = 30;

/** Headers that a client may make something of. */
const HEADERS = ["content-type", "expires", "pragma", "cache-control", "allow"];

/** What stands where git's answer is another one, and why. */
interface Difference {
  readonly why: string;
  /** Whether it is this one. */
  is(git: HttpOutcome, ours: HttpOutcome, trial: HttpTrial): boolean;
}

const ON_PURPOSE: readonly Difference[] = [
  {
    why: "git tells its log why, and the client nothing: clients show a line",
    is: (git, ours) =>
      git.status === ours.status && git.status >= 400 && git.body === "" &&
      /^(?:[^\n]+\n)?$/.test(ours.body) && sameButForType(git, ours) &&
      ours.headers["content-type"] === "text/plain; charset=utf-8",
  },
  {
    why: "git does not say what its line of words is",
    is: (git, ours) =>
      git.status === 415 && ours.status === 415 && git.body === ours.body &&
      git.headers["content-type"] === undefined &&
      ours.headers["content-type"] === "text/plain; charset=utf-8",
  },
  {
    why: "a function of a request is not told which HTTP that was",
    is: (git, ours, { protocol }) =>
      protocol === "HTTP/1.0" && git.status === 400 && ours.status === 405,
  },
  {
    why: "git's services end without a word where ours say what was wrong",
    is: (git, ours) =>
      git.status === 200 && ours.status === 200 &&
      ours.body.startsWith(git.body) &&
      // deno-lint-ignore no-control-regex
      /^[0-9a-f]{4}(ERR |\x03fatal: )[^\n]*\n?$/.test(
        ours.body.slice(git.body.length),
      ),
  },
  {
    why: "git has promised a result before it sees that nobody asks",
    is: (git, ours, { method, body }) =>
      method === "POST" && body === "" &&
      git.status === 200 && git.body === "" && ours.status === 400,
  },
  {
    why: "git has promised a result before it sees what is wrong with a body",
    is: (git, ours) =>
      git.status === 200 && git.body === "" &&
      (ours.status === 413 || ours.status === 400),
  },
];

describe("git http-backend and ours", () => {
  const root = temporaryDirectory("http-differential");
  const ids = makeWorlds();
  const met = new Set<string>();
  const tally = new Map<string, number>();

  async function makeWorlds(): Promise<KnownIds> {
    let known: KnownIds | undefined;
    for (const [name, config] of Object.entries(HTTP_WORLDS)) {
      const path = join(root, name);
      const { main, unreachable } = smallRepository(path);
      known = { tip: main, hidden: unreachable };
      exportOk(path);
      for (const line of config) {
        const [key = "", value = ""] = line.split("=");
        await git(["config", key, value], { cwd: path });
      }
    }
    smallRepository(join(root, "hidden.git"));
    assert.ok(known !== undefined);
    return known;
  }

  const env = gitEnvironment();
  const handler = createHandler(
    new FileSystemBackend(
      { rules: "git", basePath: root },
      { env: (name) => env[name] },
    ),
    {
      logger: SILENT,
      authorize: (request) => {
        const user = request.headers.get("x-user");
        return { verdict: "allowed", ...(user === null ? {} : { user }) };
      },
    },
  );

  async function askOurs(trial: HttpTrial): Promise<HttpOutcome> {
    const headers = new Headers(trial.headers);
    if (trial.user !== undefined) headers.set("x-user", trial.user);
    const response = await handler(
      new Request(`http://localhost${trial.target}`, {
        method: trial.method,
        headers,
        ...(trial.body === undefined ? {} : { body: fromBinary(trial.body) }),
      }),
    );
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: toBinary(new Uint8Array(await response.arrayBuffer())),
    };
  }

  for (let seed = 0; seed < SEEDS; seed++) {
    it(`give the same answers to requests of seed ${seed}`, async () => {
      const random = seeded(seed);
      for (let index = 0; index < CASES; index++) {
        const trial = randomTrial(random, await ids);
        const [theirs, ours] = await Promise.all([
          askHttpBackend(root, trial).then((each) => plain(each, trial)),
          askOurs(trial).then((each) => plain(each, trial)),
        ]);
        const key = `${trial.method} ${theirs.status}`;
        tally.set(key, (tally.get(key) ?? 0) + 1);
        const known = ON_PURPOSE.find(({ is }) => is(theirs, ours, trial));
        if (known !== undefined) {
          met.add(known.why);
          continue;
        }
        assert.deepEqual(
          ours,
          theirs,
          `seed ${seed}, case ${index}: ${JSON.stringify(trial)}`,
        );
      }
    });
  }

  it("were asked for all that there is, and differed in all that may", () => {
    const text = JSON.stringify(Object.fromEntries(tally));
    for (
      const key of [
        ...["GET 200", "HEAD 200", "POST 200", "GET 403", "POST 403"],
        ...["GET 404", "POST 404", "PUT 405", "DELETE 405", "GET 500"],
        ...["POST 500", "POST 415"],
      ]
    ) assert.ok((tally.get(key) ?? 0) > 0, `${key} of ${text}`);
    assert.deepEqual(
      ON_PURPOSE.filter(({ why }) => !met.has(why)).map(({ why }) => why),
      [],
    );
  });
});

/** Without what may be told apart. */
function plain(
  { status, headers, body }: HttpOutcome,
  { method }: HttpTrial,
): HttpOutcome {
  return {
    status,
    headers: Object.fromEntries(
      HEADERS.flatMap((name) => {
        const value = headers[name];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
    // A web server takes the body off answers to HEAD.
    body: method === "HEAD" ? "" : withoutPack(body),
  };
}

/** Packs differ in how well they are packed. */
function withoutPack(body: string): string {
  // deno-lint-ignore no-control-regex
  return body.replace(/(?:[0-9a-f]{4}\x01)?PACK[^]*$/, "PACK");
}

function sameButForType(git: HttpOutcome, ours: HttpOutcome): boolean {
  return HEADERS.slice(1).every((name) =>
    git.headers[name] === ours.headers[name]
  );
}
