/**
 * The facts of the machine that figures are worth nothing without.
 *
 * @module
 */

import { git } from "./git.ts";
import { bunPath } from "./servers.ts";

/** Cores, memory, kernel and versions, one line each. */
export async function machineFacts(): Promise<string[]> {
  const cpu = /^model name\s*:\s*(.*)$/m.exec(
    await Deno.readTextFile("/proc/cpuinfo"),
  )?.[1] ?? "unknown processor";
  const memory = Deno.systemMemoryInfo().total / 1e9;
  const load = Deno.loadavg().map((value) => value.toFixed(2)).join(" ");
  return [
    `${navigator.hardwareConcurrency} cores, ${cpu}`,
    `${memory.toFixed(1)} GB, Linux ${Deno.osRelease()}, load ${load}`,
    `${(await git(["--version"])).trim()}, deno ${Deno.version.deno}, ` +
    `bun ${await bunVersion()}`,
  ];
}

async function bunVersion(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(bunPath(), {
      args: ["--version"],
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return "not installed";
  }
}
