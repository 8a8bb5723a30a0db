/**
 * `serve-command` beside git's own program: the same command line, the same
 * environment and the same input end with the same exit code and the same words
 * on standard error. What differs on purpose stands in the last group.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { parseGitOptions } from "../../src/cli/git_options.ts";
import { SERVED_PROGRAMS } from "../../src/cli/served_programs.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import {
  GIT,
  gitEnvironment,
  gitHome,
  type GitResult,
  gitSync,
  runProgram,
  tryGit,
} from "../support/git.ts";
import { itInParallel } from "../support/git_jobs.ts";
import { seeded } from "../support/random.ts";
import {
  serverEnvironment,
  type ServerKind,
  uploadPackCommand,
} from "../support/server.ts";
import { withoutIdentity } from "../support/server_session.ts";
import { packets } from "../support/wire_client.ts";
import { after, describe, it } from "../support/test.ts";
import { FakeProcess } from "../unit/cli/fake_process.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("serve-command");
const { path: good, main: tip } = smallRepository(join(root, "good.git"));
gitSync(["clone", "-q", good, join(root, "work")]);
smallRepository(join(root, "future.git"));
gitSync(["config", "core.repositoryformatversion", "99"], {
  cwd: join(root, "future.git"),
});
mkdirSync(join(root, "empty"));
writeFileSync(join(root, "file"), "x\n");
writeFileSync(join(root, "dead"), "gitdir: /nowhere\n");
gitSync(["clone", "-q", "--bare", good, join(gitHome(), "home.git")]);

after(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(join(gitHome(), "home.git"), { recursive: true, force: true });
});

/** One run of either program. */
interface Run {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Whether standard output is compared, too. */
  readonly output?: "same";
}

function run(kind: ServerKind, { args, env, input }: Run): Promise<GitResult> {
  const command = uploadPackCommand(kind);
  return runProgram(command.program, [...command.args, ...args], {
    cwd: root,
    env: serverEnvironment(env),
    input: input ?? "0000",
  });
}

const WANT = packets(`want ${tip} ofs-delta\n`);
const NOBODY = "12".repeat(20);

const RUNS: Readonly<Record<string, Run>> = {
  "a repository": { args: ["good.git"], output: "same" },
  "protocol v1": {
    args: ["good.git"],
    env: { GIT_PROTOCOL: "version=1" },
    output: "same",
  },
  "a protocol nobody knows": {
    args: ["good.git"],
    env: { GIT_PROTOCOL: "version=zz:version=99:=:" },
    output: "same",
  },
  "an absolute path with slashes behind": {
    args: [`${good}///`],
    output: "same",
  },
  "a name without .git": { args: ["good"], output: "same" },
  "a work tree": { args: ["work"], output: "same" },
  "the git directory of a work tree, strictly": {
    args: ["--strict", "work/.git"],
    output: "same",
  },
  "a work tree, strictly": { args: ["--strict", "work"] },
  "strict, and taken back": {
    args: ["--strict", "--no-strict", "work"],
    output: "same",
  },
  "a time limit": { args: ["--timeout", "600", "good.git"], output: "same" },
  "a home": { args: ["~/home.git"], output: "same" },
  "somebody's home": { args: ["~nobody-of-that-name/x.git"] },
  "nothing": { args: ["none"] },
  "the directory it runs in": { args: ["./"] },
  "a directory that is none": { args: ["empty"] },
  "a file": { args: [join(root, "file")] },
  "a gitfile to nowhere": { args: ["dead"] },
  "a format from the future": { args: ["future.git"] },
  "variables that lead elsewhere": {
    args: ["good.git"],
    env: {
      GIT_DIR: "/nowhere",
      GIT_WORK_TREE: "/nowhere",
      GIT_INDEX_FILE: "/nowhere",
    },
    output: "same",
  },
  "a namespace that is none": {
    args: ["good.git"],
    env: { GIT_NAMESPACE: "a..b" },
  },
  ...Object.fromEntries(
    [
      ["--advertise-refs"],
      ["--stateless-rpc", "--http-backend-info-refs"],
    ].flatMap((options) =>
      [0, 1, 2].map((version): [string, Run] => [
        `${options.join(" ")} in v${version}`,
        {
          args: [...options, "good.git"],
          env: { GIT_PROTOCOL: `version=${version}` },
          input: "",
          output: "same",
        },
      ])
    ),
  ),
  ...Object.fromEntries(
    [0, 1, 2].map((version): [string, Run] => [
      `--stateless-rpc in v${version} and no request`,
      {
        args: ["--stateless-rpc", "good.git"],
        env: { GIT_PROTOCOL: `version=${version}` },
        input: "",
        output: "same",
      },
    ]),
  ),
  "--stateless-rpc in v0 and a round of haves": {
    args: ["--stateless-rpc", "good.git"],
    input: packets(
      `want ${tip} multi_ack_detailed\n`,
      "0000",
      `have ${NOBODY}\n`,
      "0000",
    ),
    output: "same",
  },
  "--stateless-rpc in v0 and haves that are ready": {
    args: ["--stateless-rpc", "good.git"],
    input: packets(
      `want ${tip} multi_ack_detailed\n`,
      "0000",
      `have ${tip}\n`,
      "0000",
    ),
    output: "same",
  },
  "--stateless-rpc in v1 and a depth": {
    args: ["--stateless-rpc", "good.git"],
    env: { GIT_PROTOCOL: "version=1" },
    input: packets(`want ${tip}\n`, "deepen 1\n", "0000"),
    output: "same",
  },
  "--stateless-rpc in v2 and ls-refs": {
    args: ["--stateless-rpc", "good.git"],
    env: { GIT_PROTOCOL: "version=2" },
    input: packets("command=ls-refs", "0001", "peel", "symrefs", "0000"),
    output: "same",
  },
  "--stateless-rpc in v2 and a round of haves": {
    args: ["--stateless-rpc", "good.git"],
    env: { GIT_PROTOCOL: "version=2" },
    input: packets(
      "command=fetch",
      "0001",
      `want ${tip}`,
      `have ${NOBODY}`,
      "0000",
    ),
    output: "same",
  },
  "--stateless-rpc in v2 and two requests": {
    args: ["--stateless-rpc", "good.git"],
    env: { GIT_PROTOCOL: "version=2" },
    input: packets(
      ...["command=ls-refs", "0001", "0000"],
      ...["command=ls-refs", "0001", "peel", "0000"],
    ),
    output: "same",
  },
  "no input": { args: ["good.git"], input: "" },
  "no input in v1": {
    args: ["good.git"],
    env: { GIT_PROTOCOL: "version=1" },
    input: "",
  },
  "no input in v2": {
    args: ["good.git"],
    env: { GIT_PROTOCOL: "version=2" },
    input: "",
  },
  "a client that leaves in a packet": { args: ["good.git"], input: "0032want" },
  "a client that leaves behind a want": { args: ["good.git"], input: WANT },
  "a client that leaves in negotiation": {
    args: ["good.git"],
    input: packets(`want ${tip}\n`, "0000", `have ${NOBODY}\n`),
  },
  "bytes that are no packet": { args: ["good.git"], input: "zzzz" },
  "a packet too short": { args: ["good.git"], input: "0003" },
  "a line that is none": { args: ["good.git"], input: packets("nope\n") },
  "an object that nobody has": {
    args: ["good.git"],
    input: packets(`want ${NOBODY}\n`, "0000", "done\n"),
  },
  "a depth that is none": {
    args: ["good.git"],
    input: packets(`want ${tip}\n`, "deepen x\n", "0000"),
  },
  "a command of v2 that nobody knows": {
    args: ["good.git"],
    env: { GIT_PROTOCOL: "version=2" },
    input: packets("command=evil\n", "0000"),
  },
};

describe("serve-command git-upload-pack ends as git's own program", () => {
  itInParallel(
    Object.entries(RUNS).map(([title, asked]) => ({
      title: `with ${title}`,
      run: async () => {
        const [own, gits] = await Promise.all([
          run("ours", asked),
          run("git", asked),
        ]);
        assert.deepEqual(
          { code: own.code, signal: own.signal, stderr: own.stderr },
          { code: gits.code, signal: gits.signal, stderr: gits.stderr },
        );
        if (asked.output === "same") {
          assert.equal(
            withoutIdentity(own.stdout),
            withoutIdentity(gits.stdout),
          );
        }
      },
    })),
  );

  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
    it(`by ${signal}, in the middle of a session`, async () => {
      const ending = await untilFirstByte((child) => child.kill(signal));
      assert.deepEqual(ending, { code: null, signal, stderr: "" });
    });
  }
});

/** Starts ours on a repository, and calls `act` at its first byte. */
function untilFirstByte(
  act: (child: ReturnType<typeof spawn>) => void,
): Promise<{ code: number | null; signal: string | null; stderr: string }> {
  const { program, args } = uploadPackCommand("ours");
  const child = spawn(program, [...args, good], { env: serverEnvironment() });
  let stderr = "";
  child.stderr.on("data", (chunk) => stderr += chunk);
  child.stdout.once("data", () => act(child));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stderr }));
  });
}

// What the options are made of, and what they are given.
const NAMES = ["strict", "stateless-rpc", "http-backend-info-refs"]
  .concat(["advertise-refs", "timeout", "nope", "s", "n", "no", ""]);
const VALUES = [
  "",
  "=",
  "=1",
  "=-1",
  "=1k",
  "= 7",
  "=x",
  "=+3",
  "=99999999999",
];
const PLAIN = ["a-b", "-h", "-x", "-", "--", "--help-all", "--end-of-options"];

function someArguments(random: ReturnType<typeof seeded>): string[] {
  const args: string[] = [];
  for (let i = random.int(3); i >= 0; i--) {
    const name = random.pick(NAMES);
    const cut = random.int(3) === 0
      ? name.slice(0, random.int(name.length + 1))
      : name;
    args.push(
      random.int(6) === 0
        ? random.pick(PLAIN)
        : `--${random.int(4) === 0 ? "no-" : ""}${cut}${
          random.int(2) === 0 ? "" : random.pick(VALUES)
        }`,
    );
  }
  if (random.int(5) > 0) args.splice(random.int(args.length + 1), 0, "none");
  return args;
}

/** Ours, up to where a session would start. */
async function ourParse(args: readonly string[]): Promise<string> {
  const program = SERVED_PROGRAMS[0];
  assert.equal(program?.name, "git-upload-pack");
  const parsed = parseGitOptions(program, args);
  if (parsed.type === "parsed" && parsed.rest.length === 1) {
    return `128:fatal: '${parsed.rest[0]}' does not appear to be a git ` +
      "repository\n:";
  }
  const io = new FakeProcess();
  const code = await main(["serve-command", "git-upload-pack", ...args], io);
  return `${code}:${io.error}:${io.out}`;
}

describe("the options of git-upload-pack", () => {
  for (const seed of [1, 2, 3]) {
    it(`are git's to the letter, seed ${seed}`, async () => {
      const random = seeded(seed);
      for (let i = 0; i < 80; i++) {
        const args = someArguments(random);
        // Strictly, 2.39 asks who owns what is not there.
        const asked = args.filter((arg) => !/^--st?r/.test(arg));
        const { code, stdout, stderr } = await tryGit([
          "upload-pack",
          ...asked,
        ], { cwd: root });
        assert.equal(
          await ourParse(asked),
          `${code}:${stderr}:${stdout}`,
          `seed ${seed}, case ${i}: ${JSON.stringify(asked)}`,
        );
      }
    });
  }

  it("may stand before the service", async () => {
    const { program, args } = uploadPackCommand("ours");
    const result = await runProgram(program, [
      ...args.slice(0, -1),
      "--timeout",
      "9",
      "--strict",
      "git-upload-pack",
      "good.git",
    ], { cwd: root, env: serverEnvironment(), input: "0000" });
    const same = await run("git", { args: ["good.git"] });
    assert.equal(result.stderr, "");
    assert.equal(
      withoutIdentity(result.stdout),
      withoutIdentity(same.stdout),
    );
  });
});

describe("serve-command ends otherwise than git, on purpose,", () => {
  it("quietly when nobody reads what it writes", async () => {
    const { program, args } = uploadPackCommand("ours");
    const child = spawn(program, [...args, good], { env: serverEnvironment() });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => stderr += chunk);
    const code = await new Promise((resolve) => child.on("close", resolve));
    // git dies of SIGPIPE, which our runtimes ignore: as a shell shows that.
    assert.deepEqual({ code, stderr }, { code: 141, stderr: "" });
  });

  it("with a line for both sides after the time limit", async () => {
    const { program, args } = uploadPackCommand("ours");
    const child = spawn(program, [...args, "--timeout=1", good], {
      env: serverEnvironment(),
    });
    let stderr = "";
    let stdout = "";
    child.stderr.on("data", (chunk) => stderr += chunk);
    child.stdout.on("data", (chunk) => stdout += chunk);
    const code = await new Promise((resolve) => child.on("close", resolve));
    assert.equal(code, 128);
    assert.equal(stderr, "fatal: timeout: the client was idle for 1 s\n");
    assert.match(stdout, /ERR timeout: the client was idle for 1 s/);
  });

  it("in an orderly way when standard input is closed", async () => {
    const { program, args } = uploadPackCommand("ours");
    const words = [program, ...args, good].map((word) => `'${word}'`).join(" ");
    const own = await runProgram("/bin/sh", ["-c", `exec ${words} <&-`], {
      env: serverEnvironment(),
    });
    const gits = await runProgram(
      "/bin/sh",
      ["-c", `exec ${GIT} upload-pack '${good}' <&-`],
      { env: gitEnvironment() },
    );
    assert.equal(own.code, gits.code);
    assert.equal(own.stderr, gits.stderr);
  });
});
