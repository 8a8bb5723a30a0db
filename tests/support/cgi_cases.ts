/**
 * Requests by CGI to `git http-backend` and to ours, generated from a seed, and
 * what makes two answers the same.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { serveHttpBackend } from "../../src/compose/cgi.ts";
import { findRoute } from "../../src/server/http/routes.ts";
import { exportOk, smallRepository } from "./fixture_small.ts";
import { git, gitEnvironment, runProgram } from "./git.ts";
import type { Random } from "./random.ts";
import { serverEnvironment } from "./server.ts";
import { v2Command, withoutIdentity } from "./server_session.ts";
import { cgiCommand } from "./web_server.ts";
import { errorLine, packets, parsePackets, toBuffer } from "./wire_client.ts";

/** One request: an environment and a body. */
export interface CgiCase {
  /** The variables that are set. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly input: Uint8Array;
}

/** What came of one. */
export interface CgiAnswer {
  /** Exit code. */
  readonly code: number | null;
  /** The status; 200 where there is none. */
  readonly status: number;
  /** The headers as they came, `Name: value`. */
  readonly headers: readonly string[];
  /** Everything behind the headers, latin1. */
  readonly body: string;
  /** Standard error. */
  readonly stderr: string;
}

/** The repositories that requests are about, below one directory. */
export interface CgiWorld {
  /** The directory. */
  readonly root: string;
  /** The id of main. */
  readonly main: string;
  /** The id of its parent. */
  readonly parent: string;
  /** An id that is nowhere. */
  readonly absent: string;
  /** Paths of dumb clients, where those are served. */
  readonly files: readonly string[];
}

/** Whether files are served to dumb clients at all. */
export const SERVES_FILES: boolean =
  findRoute("GET", new URL("http://localhost/a.git/HEAD")).kind !== "unknown";

/** Makes them. */
export async function cgiWorld(root: string): Promise<CgiWorld> {
  const { main, parent } = smallRepository(join(root, "a.git"));
  exportOk(join(root, "a.git"));
  smallRepository(join(root, "hidden.git"));
  smallRepository(join(root, "tree", ".git"));
  exportOk(join(root, "tree", ".git"));
  await git(["clone", "-q", "--bare", "a.git", "set.git"], { cwd: root });
  exportOk(join(root, "set.git"));
  for (
    const [key, value] of [
      ["http.uploadpack", "false"],
      ["http.receivepack", "true"],
      ["http.getanyfile", "false"],
      ["http.maxrequestbuffer", "9000"],
    ] as const
  ) await git(["config", key, value], { cwd: join(root, "set.git") });
  const loose = main.slice(0, 2) + "/" + main.slice(2);
  return {
    root,
    main,
    parent,
    absent: "1234567890".repeat(4),
    files: [
      "/HEAD",
      "/info/refs",
      "/objects/info/packs",
      "/objects/info/alternates",
      "/objects/info/http-alternates",
      `/objects/${loose}`,
      `/objects/${"12/" + "34567890".repeat(5).slice(2)}`,
      `/objects/pack/pack-${"0".repeat(40)}.pack`,
      `/objects/pack/pack-${"0".repeat(40)}.idx`,
    ],
  };
}

const REPOSITORIES = [
  ...["/a.git", "/a.git", "/a.git", "/a", "/a.git/", "/tree", "/tree/.git"],
  ...["/hidden.git", "/set.git", "/none.git", "", "/../a.git", "//a.git"],
  ...["/./a.git", "a.git", "/a.git/HEAD", "/a b.git", "/%61.git", "/.../a"],
];
const LENGTHS = [
  ...["", "-1", "1e3", "1k", " 12", "0x10", "099", "9223372036854775808"],
  ...["9223372036854775807", "0", "abc", "+40"],
];

/** A request made of `random`. */
export function cgiCase(random: Random, world: CgiWorld): CgiCase {
  const isPost = random.int(2) === 0;
  const service = random.pick(["upload-pack", "upload-pack", "receive-pack"]);
  const isOdd = (chance: number) => random.int(chance) === 0;
  const tail = isOdd(20)
    ? random.pick(["/HEAD2", "/info/ref", "/git-upload-packs", "/objects/x"])
    : isPost
    ? `/git-${service}`
    : SERVES_FILES && isOdd(3)
    ? random.pick(world.files)
    : "/info/refs";
  const env: Record<string, string> = {
    REQUEST_METHOD: isOdd(12)
      ? random.pick(["HEAD", "PUT", "get", "OPTIONS", "POST", "GET"])
      : isPost
      ? "POST"
      : "GET",
    SERVER_PROTOCOL: random.pick(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]),
  };
  const path = random.pick(REPOSITORIES) + tail;
  // No web server leaves "/../" in it, and ours takes none.
  if (isOdd(8) && !path.includes("..")) {
    env.PATH_TRANSLATED = world.root + path;
  } else {
    env.GIT_PROJECT_ROOT = world.root + (isOdd(6) ? "/" : "");
    if (!isOdd(40)) env.PATH_INFO = path;
  }
  if (!isOdd(4)) env.GIT_HTTP_EXPORT_ALL = random.pick(["1", "", "0"]);
  if (isOdd(3)) env.REMOTE_USER = random.pick(["ann", ""]);
  if (isOdd(2)) env.REMOTE_ADDR = "192.0.2.7";
  if (isOdd(3)) {
    env[random.pick(["GIT_PROTOCOL", "HTTP_GIT_PROTOCOL"])] = random.pick([
      ...["version=1", "version=2", "version=2:x", "version=9", ""],
    ]);
  }
  if (isOdd(40)) env.GIT_HTTP_MAX_REQUEST_BUFFER = random.pick(["x", "", "1m"]);
  if (!isPost) {
    const asked = isOdd(10)
      ? random.pick(["git-upload-archives", "upload-pack", "git-", ""])
      : `git-${service}`;
    if (!SERVES_FILES || !isOdd(4)) {
      env.QUERY_STRING = isOdd(8)
        ? `a=b&service=${asked.replaceAll("-", "%2d")}&c`
        : `service=${asked}`;
    }
    if (isOdd(12)) env.CONTENT_LENGTH = random.pick(LENGTHS);
    // git waits for ever for what is missing.
    if (/^ |k$|x|7$|\+/.test(env.CONTENT_LENGTH ?? "")) {
      env.CONTENT_LENGTH = "0";
    }
    return { env, input: new Uint8Array(0) };
  }
  return withBody(random, world, service, env);
}

function withBody(
  random: Random,
  world: CgiWorld,
  service: string,
  env: Record<string, string>,
): CgiCase {
  const isOdd = (chance: number) => random.int(chance) === 0;
  const { main, parent, absent } = world;
  const isV2 = /version=2/.test(
    env.GIT_PROTOCOL ?? env.HTTP_GIT_PROTOCOL ?? "",
  );
  const bodies = service === "receive-pack"
    ? [new Uint8Array(0), packets("0000"), toBuffer("00")]
    : isV2
    ? [
      v2Command("ls-refs", "sha1", ["peel", "symrefs"]),
      v2Command("fetch", "sha1", [`want ${main}`, `have ${parent}`]),
      v2Command("fetch", "sha1", [`want ${absent}`, "done"]),
      v2Command("nonsense", "sha1", []),
      packets("0000"),
    ]
    : [
      packets(
        `want ${main} side-band-64k\n`,
        "0000",
        `have ${parent}\n`,
        "done\n",
      ),
      packets(`want ${main} side-band-64k\n`, "0000", "done\n"),
      packets(`want ${main} multi_ack\n`, "0000", `have ${absent}\n`, "0000"),
      packets(`want ${absent}\n`, "0000", "done\n"),
      packets("0000"),
      packets("nonsense\n"),
    ];
  let input = random.pick(bodies);
  if (isOdd(10)) input = input.subarray(0, random.int(input.length + 1));
  env.CONTENT_TYPE = isOdd(8)
    ? random.pick(["text/plain", "application/x-git-receive-pack-result"])
    : `application/x-git-${service}-request`;
  if (isOdd(30)) delete env.CONTENT_TYPE;
  if (isOdd(4)) {
    env.HTTP_CONTENT_ENCODING = random.pick(["gzip", "x-gzip", "identity"]);
    if (env.HTTP_CONTENT_ENCODING !== "identity" && !isOdd(6)) {
      input = gzipSync(input);
      if (isOdd(6)) input = input.subarray(0, -random.int(input.length));
    }
  }
  if (isOdd(6)) env.CONTENT_LENGTH = random.pick(LENGTHS);
  else if (!isOdd(3)) {
    const beyond = isOdd(6) ? random.int(30) : 0;
    // What comes behind the length is nobody's.
    env.CONTENT_LENGTH = `${input.length}`;
    input = Buffer.concat([input, random.bytes(beyond)]);
  }
  // git waits for ever for the rest of a push.
  const length = Number(env.CONTENT_LENGTH);
  if (service === "receive-pack" && !(length <= input.length)) {
    delete env.CONTENT_LENGTH;
  }
  return { env, input };
}

/** Has `git http-backend`, or ours as a program, answer. */
export async function askProgram(
  kind: "git" | "ours",
  { env, input }: CgiCase,
): Promise<CgiAnswer> {
  const { program, args } = await cgiCommand(kind);
  const { code, stdout, stderr } = await runProgram(program, args, {
    input,
    timeout: 20_000,
    env: { ...serverEnvironment(), ...withoutCommitter(env) },
  });
  return { code, stderr, ...parsed(stdout) };
}

/** Has ours answer in this process. */
export async function askHere(
  { env, input }: CgiCase,
): Promise<CgiAnswer> {
  const all: Readonly<Record<string, string | undefined>> = {
    ...gitEnvironment(),
    ...withoutCommitter(env),
  };
  const said: Buffer[] = [];
  let stderr = "";
  let left: Uint8Array = input;
  const end = await serveHttpBackend({
    env: (name) => all[name],
    directory: "/",
    namespace: "",
    connection: {
      read(into) {
        const piece = left.subarray(0, into.length);
        into.set(piece);
        left = left.subarray(piece.length);
        return Promise.resolve(piece.length);
      },
      write(bytes) {
        said.push(Buffer.from(bytes));
        return Promise.resolve();
      },
    },
    tell: (text) => stderr += text,
  });
  return {
    code: end === "answered" ? 0 : 1,
    stderr,
    ...parsed(Buffer.concat(said).toString("latin1")),
  };
}

/** Pushes are named by who asks. */
function withoutCommitter(
  env: CgiCase["env"],
): Record<string, string | undefined> {
  return {
    GIT_COMMITTER_NAME: undefined,
    GIT_COMMITTER_EMAIL: undefined,
    ...env,
  };
}

function parsed(
  stdout: string,
): Pick<CgiAnswer, "status" | "headers" | "body"> {
  const end = stdout.indexOf("\r\n\r\n");
  const lines = end < 0 ? [] : stdout.slice(0, end).split("\r\n");
  const status = lines.find((line) => line.startsWith("Status: "));
  return {
    status: status === undefined ? 200 : Number(status.slice(8, 11)),
    headers: lines,
    body: end < 0 ? stdout : stdout.slice(end + 4),
  };
}

/** Headers that only ours sends, where files are served. */
const OURS_ALONE = /^(?:ETag|Accept-Ranges|X-Content-Type-Options|Vary): /;

/** The headers of what may not be kept; what may has others of these names. */
const NOT_KEPT = /^(?:Expires: .*1980|Pragma: |Cache-Control: no-cache)/;
/** Headers that git begins with before it finds that a file is not there. */
const TOO_EARLY = /^(?:Expires: \*|Cache-Control: public)/;

/** What differs that counts; `undefined` where nothing does. */
export function difference(
  theirs: CgiAnswer,
  ours: CgiAnswer,
): string | undefined {
  // git has said 200 when it finds a body or its length unfit.
  if (
    theirs.status === 200 && /^fatal: /m.test(theirs.stderr) &&
    ours.status >= 400 && /^fatal: /m.test(ours.stderr) && ours.code === 0
  ) {
    const words = /failed to parse CONTENT_LENGTH: .*/;
    const [said] = words.exec(theirs.stderr) ?? [];
    return said === undefined || ours.stderr.includes(said)
      ? undefined
      : `${ours.stderr} says nothing of ${said}`;
  }
  // Ours has no HEAD kept, of which git says nothing.
  const isKept = !theirs.headers.some((line) => NOT_KEPT.test(line));
  const [expected, actual] = [
    comparable(theirs),
    comparable({
      ...ours,
      headers: ours.headers.filter((line) => !isKept || !NOT_KEPT.test(line)),
    }),
  ];
  return expected === actual
    ? undefined
    : `git:\n${expected}\nours:\n${actual}`;
}

function comparable(answer: CgiAnswer): string {
  const { code, status, headers, body, stderr } = answer;
  // git sends some of them twice where it refuses.
  const heads = [...new Set(headers)]
    // The web server has a Date of its own.
    .filter((line) => !OURS_ALONE.test(line) && !line.startsWith("Date: "))
    .map((line) => line.replace(/ \+0000$/, " GMT"))
    .map((line) => line.replace(/^((?:Date|Expires): ).*20\d\d.*/, "$1*"));
  const ordered = status === 200
    ? heads
    : heads.filter((line) => !TOO_EARLY.test(line)).toSorted();
  return [
    `exit ${code}`,
    ...ordered,
    "",
    isFarewell(answer) ? "" : withoutPack(body),
    "stderr:",
    stderr.trim(),
  ].join("\n");
}

/** Ours tells the client what git tells standard error alone. */
function isFarewell({ body, stderr }: CgiAnswer): boolean {
  const line = errorLine(toBuffer(body));
  return line !== undefined && parsePackets(toBuffer(body)).length === 1 &&
    stderr === `fatal: ${line}\n`;
}

/** Packs are made differently, and progress depends on them. */
function withoutPack(body: string): string {
  const bytes = toBuffer(body);
  const known = parsePackets(bytes, "lenient");
  const isSideBand = known.some((packet) =>
    packet.type === "data" && isBand(packet.text)
  );
  if (!isSideBand) return withoutIdentity(body);
  return known.map((packet) =>
    packet.type !== "data"
      ? `<${packet.type}>`
      : isBand(packet.text)
      ? ""
      : packet.text
  ).join("");
}

function isBand(text: string): boolean {
  return text.startsWith("\x01") || text.startsWith("\x02");
}
