/**
 * Runs C git for the bench: the same environment for every call, no user or
 * system configuration.
 *
 * @module
 */

/** The environment of every git and every server of the bench. */
export const GIT_ENV: Readonly<Record<string, string>> = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  // Given repositories may belong to another user.
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
  // Servers' complaints end up in the report.
  NO_COLOR: "1",
};

/** What a git command said. */
export interface GitAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Input of a git command: bytes in chunks, or a file. */
export type GitInput = Iterable<Uint8Array> | { readonly file: string };

/** Runs git to its end, whatever its exit code. */
export async function tryGit(
  args: readonly string[],
  input?: GitInput,
): Promise<GitAnswer> {
  const child = new Deno.Command("git", {
    args: [...args],
    env: GIT_ENV,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [output] = await Promise.all([
    child.output(),
    input === undefined ? undefined : feed(child.stdin, input),
  ]);
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/**
 * Runs git and returns its stdout.
 *
 * @throws {Error} with git's stderr when it fails
 */
export async function git(
  args: readonly string[],
  input?: GitInput,
): Promise<string> {
  const answer = await tryGit(args, input);
  if (answer.code !== 0) {
    throw new Error(
      `Cannot run git ${args.join(" ")}: ${answer.stderr.trim()}`,
    );
  }
  return answer.stdout;
}

async function feed(
  stdin: WritableStream<Uint8Array>,
  input: GitInput,
): Promise<void> {
  if ("file" in input) {
    const file = await Deno.open(input.file);
    // git tells by its exit code why it stopped reading.
    await file.readable.pipeTo(stdin).catch(() => undefined);
    return;
  }
  const writer = stdin.getWriter();
  try {
    for (const chunk of input) await writer.write(chunk);
  } finally {
    await writer.close().catch(() => undefined);
  }
}
