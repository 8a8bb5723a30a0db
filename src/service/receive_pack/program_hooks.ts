/**
 * The programs in a repository's `hooks`, run as git's receive-pack runs them:
 * same arguments, input, directory and environment. Not the proc-receive and
 * push-to-checkout hooks, nor those of the configuration (`hook.<name>`).
 *
 * @see https://git-scm.com/docs/githooks
 * @module
 */

import { fromBinary, utf8ToBinary } from "../../core/bytes.ts";
import { messageOf } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import type { RunProgram } from "../../core/process.ts";
import type { RefUpdate } from "../../storage/writes.ts";
import type { RepositoryAddress } from "../../storage/types.ts";
import { remoteEnvironment } from "../remote_environment.ts";
import type { ServiceContext } from "../types.ts";
import { hookCommand, SHELL } from "./hook_command.ts";
import { type HomeOf, type HookDirectory, hookDirectory } from "./hook_path.ts";
import type { HookOutput, Push, PushedRef, PushHooks } from "./push_hooks.ts";
import { terminalLine, TerminalText } from "./terminal_text.ts";

/** What running hooks asks of the system. */
export interface HookSystem {
  /** Whether a file may be executed; `undefined` where there is none. */
  isExecutable(path: string): boolean | undefined;
  /** Runs a program. */
  readonly run: RunProgram;
  /** Finds homes, for `core.hooksPath`. */
  readonly homeOf: HomeOf;
}

const NAMES = [
  "pre-receive",
  "update",
  "reference-transaction",
  "post-receive",
  "post-update",
] as const;
type HookName = typeof NAMES[number];

/** What one hook is given. */
interface Call {
  readonly name: HookName;
  /** Binary strings. */
  readonly args?: readonly string[];
  readonly input?: Iterable<Uint8Array>;
  /** Binary strings. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly output: HookOutput;
}

/**
 * The hooks of one push on a repository; `undefined` where it has none. What
 * there is of them is looked up here, once. Rejects where `core.hooksPath` does
 * not tell where.
 */
export async function programHooks(
  context: ServiceContext,
  system: HookSystem,
): Promise<PushHooks | undefined> {
  const { address, config } = context.repository;
  if (address === undefined) return undefined;
  const directory = await hookDirectory(address, config, system.homeOf);
  const found = new Map<HookName, boolean>();
  for (const name of NAMES) {
    const isExecutable = system.isExecutable(directory.fileOf(name));
    if (isExecutable !== undefined) found.set(name, isExecutable);
  }
  if (found.size === 0) return undefined;
  const programs = new Programs(context, system, { address, directory, found });
  return hooksOf(programs, context.repository.format.zero);
}

function hooksOf(programs: Programs, zero: Oid): PushHooks {
  const lineOf = ({ old = zero, new: to, name }: RefUpdate) =>
    `${old} ${to} ${name}\n`;
  return {
    // The others run when its objects are everybody's.
    quarantineSeenBy: programs.has("pre-receive") ? "programs" : "nobody",
    preReceive: (push, environment, output) =>
      programs.mayGoOn({
        name: "pre-receive",
        input: linesOf(push.refs, lineOf),
        variables: { ...optionsOf(push), ...binaryValues(environment) },
        output,
      }),
    ...(programs.has("update")
      ? {
        update: (ref, output) =>
          programs.mayGoOn({
            name: "update",
            args: [ref.name, ref.old, ref.new],
            output,
          }),
      }
      : {}),
    ...(programs.has("reference-transaction")
      ? {
        observe: (output) => (phase, updates) =>
          programs.mayGoOn({
            name: "reference-transaction",
            args: [phase],
            input: linesOf(updates, lineOf),
            output,
          }),
      }
      : {}),
    // Nothing was updated: git runs neither.
    async postReceive(push, output) {
      if (push.refs.length === 0) return;
      await programs.tell({
        name: "post-receive",
        input: linesOf(push.refs, lineOf),
        variables: optionsOf(push),
        output,
      });
    },
    async postUpdate(refs, output) {
      if (refs.length === 0) return;
      await programs.tell({ name: "post-update", args: refs, output });
    },
  };
}

/** What is asked of one repository's programs. */
class Programs {
  readonly #context: ServiceContext;
  readonly #system: HookSystem;
  readonly #address: RepositoryAddress;
  readonly #directory: HookDirectory;
  /** The hooks that are there: whether each may be executed. */
  readonly #found: Map<HookName, boolean>;

  constructor(
    context: ServiceContext,
    system: HookSystem,
    where: {
      readonly address: RepositoryAddress;
      readonly directory: HookDirectory;
      readonly found: Map<HookName, boolean>;
    },
  ) {
    this.#context = context;
    this.#system = system;
    this.#address = where.address;
    this.#directory = where.directory;
    this.#found = where.found;
  }

  has(name: HookName): boolean {
    return this.#found.has(name);
  }

  /** Whether the hook, if there is one, has nothing against it. */
  async mayGoOn(call: Call): Promise<boolean> {
    const isExecutable = this.#found.get(call.name);
    if (isExecutable === undefined) return true;
    if (isExecutable) return await this.#run(call);
    // hook.c: find_hook says so once.
    this.#found.delete(call.name);
    await this.#advise(call);
    return true;
  }

  /** Runs a hook that has no say, to its end, even if nobody listens. */
  async tell(call: Call): Promise<void> {
    let isHeard = true;
    const output: HookOutput = async (bytes) => {
      try {
        if (isHeard) await call.output(bytes);
      } catch {
        isHeard = false;
      }
    };
    try {
      await this.mayGoOn({ ...call, output });
    } catch (error) {
      const { logger } = this.#context;
      logger.log("warn", `${call.name}: ${messageOf(error)}`);
    }
  }

  async #advise({ name, output }: Call): Promise<void> {
    const { config } = this.#context.repository;
    if (config.boolean("advice.ignoredhook") === false) return;
    const path = this.#directory.nameOf(name);
    await output(terminalLine(utf8ToBinary(
      `hint: The '${path}' hook was ignored because it's not set as ` +
        "executable.\nhint: You can disable this warning with " +
        "`git config advice.ignoredHook false`.",
    )));
  }

  async #run(call: Call): Promise<boolean> {
    const { signal, limits } = this.#context;
    signal.throwIfAborted();
    const path = this.#directory.nameOf(call.name);
    const { args, env } = hookCommand(
      path,
      call.args ?? [],
      call.variables ?? {},
    );
    const text = new TerminalText();
    let isCut = false;
    const show = async (bytes: Uint8Array) => {
      if (bytes.length === 0) return;
      try {
        await call.output(bytes);
      } catch (error) {
        isCut = true;
        throw error;
      }
    };
    let end;
    try {
      end = await this.#system.run(SHELL, {
        args,
        env: { ...this.#environment(), ...env },
        cwd: this.#address.gitDir,
        ...(call.input === undefined ? {} : { input: call.input }),
        outputLimit: 0,
        onOutput: (bytes) => show(text.push(bytes)),
        timeoutMs: limits.hookMs,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (isCut) throw error;
      return await this.#fail(call, `cannot run ${path}`, messageOf(error));
    }
    signal.throwIfAborted();
    await show(text.end());
    if (end.isTimedOut) {
      const seconds = limits.hookMs / 1000;
      return await this.#fail(call, `${path} took more than ${seconds} s`);
    }
    // run-command.c: wait_or_whine keeps quiet about those who were told to.
    if (end.killedBy > 0 && !QUIET_SIGNALS.has(end.killedBy)) {
      await this.#fail(call, `${path} died of signal ${end.killedBy}`);
    }
    return end.code === 0;
  }

  /** The cause is for the log alone. */
  async #fail(call: Call, why: string, cause?: string): Promise<false> {
    this.#context.logger.log(
      "warn",
      cause === undefined ? why : `${why}: ${cause}`,
    );
    await call.output(terminalLine(utf8ToBinary(`error: ${why}`)));
    return false;
  }

  /** What is added to our environment, and taken from it. */
  #environment(): Record<string, string | undefined> {
    const { terms, connection, caller } = this.#context;
    const environment: Record<string, string | undefined> = {};
    for (const name of ELSEWHERE) environment[name] = undefined;
    const namespace = terms.namespace.split("refs/namespaces/").join("");
    return {
      ...environment,
      GIT_DIR: ".",
      GIT_NAMESPACE: namespace === "" ? undefined : namespace.slice(0, -1),
      GIT_PUSH_OPTION_COUNT: undefined,
      ...remoteEnvironment(connection),
      ...caller?.environment,
    };
  }
}

/** SIGINT, SIGQUIT, SIGPIPE. */
const QUIET_SIGNALS: ReadonlySet<number> = new Set([2, 3, 13]);

/**
 * Variables of ours that would lead a hook's git to another repository than the
 * one that is pushed to (environment.c: local_repo_env, but for configuration).
 */
const ELSEWHERE = [
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_COMMON_DIR",
  "GIT_GRAFT_FILE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_INTERNAL_SUPER_PREFIX",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_QUARANTINE_PATH",
  "GIT_SHALLOW_FILE",
  "GIT_WORK_TREE",
];

/** Bytes of input that are made at a time. */
const INPUT_BYTES = 32 * 1024;

/** The lines of `refs`, some at a time. */
function* linesOf<Ref extends PushedRef | RefUpdate>(
  refs: readonly Ref[],
  lineOf: (ref: Ref) => string,
): Generator<Uint8Array> {
  let lines = "";
  for (const ref of refs) {
    lines += lineOf(ref);
    if (lines.length < INPUT_BYTES) continue;
    yield fromBinary(lines);
    lines = "";
  }
  if (lines !== "") yield fromBinary(lines);
}

/** 0 also where options were not negotiated: receive-pack.c, cmd_receive_pack. */
function optionsOf({ options = [] }: Push): Record<string, string> {
  const variables: Record<string, string> = {};
  options.forEach((option, i) => variables[`GIT_PUSH_OPTION_${i}`] = option);
  variables.GIT_PUSH_OPTION_COUNT = String(options.length);
  return variables;
}

function binaryValues(
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      utf8ToBinary(value),
    ]),
  );
}
