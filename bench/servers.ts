/**
 * The servers that the bench compares: how each is started and stopped.
 *
 * @module
 */

import { git, GIT_ENV } from "./git.ts";
import { pause } from "./measure.ts";
import type { Transport } from "./messages.ts";

/** The servers by their names in `--servers` and in the report. */
export type ServerName = "git" | "deno" | "bun";

/** A server that listens. */
export interface RunningServer {
  readonly name: ServerName;
  /** The root of the process tree that is measured. */
  readonly pid: number;
  readonly port: number;
  /** What stands before every path. */
  readonly root: string;
  /** What it said on stderr so far, at most its last 4 KiB. */
  complaints(): string;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/** All servers, the one that the others are compared with first. */
export const SERVER_NAMES: readonly ServerName[] = ["git", "deno", "bun"];

const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 3_000;
const COMPLAINTS = 4_096;
const ROOT = new URL("..", import.meta.url).pathname;

const COMMANDS: Readonly<
  Record<ServerName, () => string[] | Promise<string[]>>
> = {
  // The program itself: `git daemon` would stay beside it as its parent.
  git: async () => [`${(await git(["--exec-path"])).trim()}/git-daemon`],
  deno: () => [Deno.execPath(), "run", "-A", `${ROOT}cli.ts`, "daemon"],
  bun: () => [bunPath(), `${ROOT}cli.ts`, "daemon"],
};

/** Where Bun is: `GITSRV_BUN`, or the one that `deno task bun` installs. */
export function bunPath(): string {
  return Deno.env.get("GITSRV_BUN") ?? `${ROOT}tools/node_modules/.bin/bun`;
}

/** What a server is started with beside the bench's usual options. */
export interface ServerExtras {
  /** More options, understood by all servers. */
  readonly args?: readonly string[];
  /** The configuration of the account; the bench's usual one unless told. */
  readonly config?: string;
  /** What it is asked over; git:// unless told. */
  readonly transport?: Transport;
}

/** `git http-backend` behind Apache, as an operator sets it up. */
async function startApache(
  base: string,
  { config = `${ROOT}bench/server.gitconfig` }: ServerExtras,
): Promise<RunningServer> {
  const loaded = await import("../tests/support/apache.ts");
  const web = await import("../tests/support/web_server.ts");
  const apache = await loaded.startApache({
    cgi: await web.cgiCommand("git"),
    root: base,
    env: { ...GIT_ENV, GIT_CONFIG_GLOBAL: config },
  });
  return {
    name: "git",
    pid: apache.pid,
    port: apache.port,
    root: "/git",
    complaints: () => apache.log().slice(-COMPLAINTS).trim(),
    stop: () => apache.stop(),
  };
}

/**
 * Starts a server on a free loopback port, over one base path with every
 * repository exported. It returns once the port listens, found without a
 * connection, so that the first request is the first.
 *
 * @throws {Error} with its stderr, when it ends or does not listen in time
 */
export async function startServer(
  name: ServerName,
  base: string,
  extras: ServerExtras = {},
): Promise<RunningServer> {
  const isHttp = extras.transport === "http";
  if (isHttp && name === "git") return await startApache(base, extras);
  const [program, ...args] = await COMMANDS[name]();
  const port = freePort();
  const child = new Deno.Command(program as string, {
    args: [
      ...args,
      "--listen=127.0.0.1",
      ...isHttp ? ["--port=0", `--http-port=${port}`] : [`--port=${port}`],
      `--base-path=${base}`,
      "--export-all",
      "--enable=upload-archive",
      ...extras.args ?? [],
      base,
    ],
    cwd: ROOT,
    env: {
      ...GIT_ENV,
      GIT_CONFIG_GLOBAL: extras.config ?? `${ROOT}bench/server.gitconfig`,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  const drained = drain(child.stderr, (text) => {
    said = (said + text).slice(-COMPLAINTS);
  });
  let ended = false;
  const status = child.status.then(() => {
    ended = true;
  });
  const server: RunningServer = {
    name,
    pid: child.pid,
    port,
    root: "",
    complaints: () => said.trim(),
    async stop() {
      if (!ended) child.kill("SIGTERM");
      await Promise.race([status, pause(STOP_LIMIT_MS)]);
      if (!ended) child.kill("SIGKILL");
      await status;
      await drained;
    },
  };
  const end = performance.now() + START_LIMIT_MS;
  while (!listens(port)) {
    if (ended || performance.now() > end) {
      await server.stop();
      const why = ended ? "it ended" : "no listener in time";
      throw new Error(`Cannot start ${name}: ${why}: ${said.trim()}`);
    }
    await pause(10);
  }
  return server;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** True when /proc/net shows a listener (state 0A) on the port. */
function listens(port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["/proc/net/tcp", "/proc/net/tcp6"].some((path) => {
    try {
      return Deno.readTextFileSync(path).split("\n").some((line) => {
        const [, local, , state] = line.trim().split(/\s+/);
        return state === "0A" && local?.endsWith(suffix) === true;
      });
    } catch {
      // No IPv6 in this kernel.
      return false;
    }
  });
}

async function drain(
  stream: ReadableStream<Uint8Array>,
  take: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    take(decoder.decode(chunk, { stream: true }));
  }
}
