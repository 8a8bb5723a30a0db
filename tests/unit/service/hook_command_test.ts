import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import { runProgram } from "../../../src/runtime/programs.ts";
import {
  hookCommand,
  SHELL,
} from "../../../src/service/receive_pack/hook_command.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const directory = temporaryDirectory("hook-command");

async function run(
  script: string,
  args: readonly string[] = [],
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const file = join(directory, "hook");
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  const { args: words, env } = hookCommand("./hook", args, variables);
  const end = await runProgram(SHELL, {
    args: words,
    env,
    cwd: directory,
    outputLimit: 1 << 20,
    timeoutMs: 20_000,
  });
  return `${end.code}:${toBinary(end.output)}`;
}

describe("a hook's command", () => {
  it("keeps output and errors in their order, and the name", async () => {
    const script = "#!/bin/sh\necho a$0; echo b >&2; echo c; echo d >&2\n";
    assert.equal(await run(script), "0:a./hook\nb\nc\nd\n");
  });

  it("runs what has no interpreter by the shell, as git does", async () => {
    assert.equal(await run('echo "$1"; exit 4\n', ["x"]), "4:x\n");
  });

  it("fails where the interpreter is not there", async () => {
    assert.match(await run("#!/no/such\n"), /^12[67]:/);
  });

  it("gives arguments and variables to the byte", async () => {
    const script = '#!/bin/sh\nprintf \'%s,\' "$@"; printf \'%s\' "$V" "$W"\n';
    const odd = ["$(id)", "'", "a b", "", "-x", "\\101", "é", "\n", "*"];
    for (let seed = 0; seed < 12; seed++) {
      const random = seeded(seed);
      const args = Array.from({ length: 1 + random.int(12) }, () => {
        const kind = random.int(3);
        if (kind === 0) return random.pick(odd.filter((each) => each !== "é"));
        if (kind === 1) return "\xc3\xa9";
        // Neither NUL nor a line end at the end, which no ref has.
        return toBinary(random.bytes(9)).replaceAll("\0", "x") + "\xff";
      });
      const variables = { V: "\xff\n\n", W: random.pick(["", "\xe9'", "$x"]) };
      assert.equal(
        await run(script, args, variables),
        `0:${args.map((each) => `${each},`).join("")}${variables.V}` +
          variables.W,
        `seed ${seed}`,
      );
    }
  });

  it("gives as much that is no text as a push may bring", async () => {
    const script = "#!/bin/sh\n" +
      'printf "%s" "$V0$V1$V2$V3" | cksum; echo "$# $1"\n';
    const values = Array.from(
      { length: 4 },
      (_, i) =>
        toBinary(seeded(i).bytes(65_000)).replaceAll("\0", "x") + "\xff",
    );
    const names = values.map((value, i) => [`V${i}`, value] as const);
    const odd = await run(script, ["a"], Object.fromEntries(names));
    const end = await runProgram("cksum", {
      args: [],
      input: [fromBinary(values.join(""))],
      outputLimit: 100,
      timeoutMs: 20_000,
    });
    assert.equal(odd, `0:${toBinary(end.output)}1 a\n`);
  });

  it("ends a word at a NUL", async () => {
    assert.equal(await run("echo $1$V\n", ["a\0b"], { V: "c\0d" }), "0:ac\n");
  });
});
