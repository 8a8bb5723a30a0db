/**
 * Debian's OpenSSH server on loopback, with keys of its own, and `git` as its
 * client. It needs `sshd` and `ssh` on this machine and says which package has
 * them where they are missing.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { findProgram } from "./debian.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { type GitOptions, type GitResult, tryGit } from "./git.ts";
import { eventually, freePort, ourCommand } from "./server.ts";
import { connects } from "./wire_client.ts";

/** An SSH server, one key of which is bound to one command. */
export interface SshServer {
  /** The URL of a path, which starts with a slash. */
  url(path: string): string;
  /** Runs git with ssh as its transport. */
  git(args: readonly string[], options?: GitOptions): Promise<GitResult>;
  /** Runs ssh itself, with words for the other side. */
  ssh(
    words: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  };
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts a server whose only key runs `serve-command` with these options. */
export async function startSshServer(
  options: readonly string[],
  acceptEnv: readonly string[],
): Promise<SshServer> {
  const directory = temporaryDirectory("sshd");
  chmodSync(directory, 0o700);
  const at = (name: string) => join(directory, name);
  for (const key of ["host", "client"]) {
    run(findProgram("ssh-keygen"), [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-f",
      at(key),
    ]);
  }
  const port = await freePort();
  const { program, args } = ourCommand();
  const cache = `${process.env.HOME ?? "/"}/.cache/deno`;
  const words = [program, ...args, "serve-command", ...options];
  // A script, since authorized_keys has quotes of its own.
  writeFileSync(
    at("command"),
    `#!/bin/sh\nexport DENO_DIR='${process.env.DENO_DIR ?? cache}'\n` +
      `exec ${words.map((word) => `'${word}'`).join(" ")}\n`,
  );
  chmodSync(at("command"), 0o755);
  const key = run("cat", [at("client.pub")]);
  writeFileSync(
    at("authorized_keys"),
    `command="${at("command")}",restrict ${key}`,
  );
  writeFileSync(
    at("config"),
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${at("host")}`,
      `AuthorizedKeysFile ${at("authorized_keys")}`,
      "PidFile none",
      "UsePAM no",
      "StrictModes no",
      "PasswordAuthentication no",
      "PermitRootLogin forced-commands-only",
      // Debian's bash reads ~/.bashrc for sshd where it is the first shell.
      "SetEnv SHLVL=1",
      ...acceptEnv.map((name) => `AcceptEnv ${name}`),
      "",
    ].join("\n"),
  );
  // Debian's service makes it; sshd asks for it when it is started by root.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  // Absolute: it starts itself again by its own name.
  const child = spawn(findProgram("sshd"), ["-D", "-e", "-f", at("config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk) => log += chunk);
  const gone = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
  });
  await eventually("sshd listens", async () => {
    if (child.exitCode !== null) throw new Error(`sshd ended:\n${log}`);
    return await connects(port);
  });
  const client = [
    ...["-F", "/dev/null", "-p", `${port}`, "-i", at("client")],
    ...["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"],
    ...["-o", `UserKnownHostsFile=${at("known")}`],
  ];
  // Bun takes the name from the environment, which need not have one.
  const username = run("id", ["-un"]).trim();
  return {
    url: (path) => `ssh://${username}@127.0.0.1:${port}${path}`,
    git: (args, options = {}) =>
      tryGit(args, {
        ...options,
        env: {
          GIT_SSH_COMMAND: ["ssh", ...client].join(" "),
          GIT_SSH_VARIANT: "ssh",
          ...options.env,
        },
      }),
    ssh(words, env = {}) {
      const send = Object.keys(env).flatMap((
        name,
      ) => ["-o", `SendEnv=${name}`]);
      const { status, stdout, stderr } = spawnSync(findProgram("ssh"), [
        ...[...client, ...send, `${username}@127.0.0.1`],
        ...words,
      ], { env: { ...process.env, ...env }, encoding: "utf8", input: "0000" });
      return { code: status, stdout, stderr };
    },
    stop: () => end(child, gone),
  };
}

async function end(child: ChildProcess, gone: Promise<void>): Promise<void> {
  child.kill("SIGTERM");
  await gone;
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
}
