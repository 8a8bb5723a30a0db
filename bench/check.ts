/**
 * The untimed round before a row: each server's answer is kept and proven
 * right, so that no row is fast by being wrong. It warms the page cache too.
 *
 * @module
 */

import type { ClientProcess } from "./client_process.ts";
import { git, tryGit } from "./git.ts";
import type { Kept, Question, Sample, Transport } from "./messages.ts";
import type { BenchRepository } from "./repos.ts";
import { type ServerName, startServer } from "./servers.ts";

/** What a check found. */
export interface CheckResult {
  readonly server: ServerName;
  /** A hash of the ref lines or of the archive; equal answers of two servers have equal ones. */
  readonly refsSha1: string;
  readonly objects: number;
  /** What is wrong; empty when the answer is right. */
  readonly faults: readonly string[];
}

/** Asks one server once and proves the answer. */
export async function checkServer(
  server: ServerName,
  repository: BenchRepository,
  question: Question,
  tools: {
    readonly client: ClientProcess;
    readonly protocol: 0 | 2;
    readonly transport: Transport;
  },
): Promise<CheckResult> {
  const running = await startServer(server, repository.base, {
    transport: tools.transport,
  });
  const directory = await Deno.makeTempDir({ prefix: "gitsrv-bench-check-" });
  try {
    const keepPack = `${directory}/answer.pack`;
    const result = await tools.client.ask({
      port: running.port,
      path: running.root + repository.path,
      protocol: tools.protocol,
      transport: tools.transport,
      question,
      count: 1,
      concurrency: 1,
      keepPack,
    });
    const sample = result.samples[0] as Sample;
    const kept = result.kept as Kept;
    const faults = question.type !== "fetch"
      ? []
      : await packFaults(repository, question, { sample, kept, directory });
    return {
      server,
      refsSha1: kept.refsSha1,
      objects: sample.objects,
      faults,
    };
  } finally {
    await running.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

interface Answer {
  readonly sample: Sample;
  readonly kept: Kept;
  readonly directory: string;
}

async function packFaults(
  repository: BenchRepository,
  question: Question,
  { sample, kept, directory }: Answer,
): Promise<string[]> {
  const faults: string[] = [];
  if (!kept.trailerMatches) faults.push("the pack's trailer is wrong");
  const target = `${directory}/target.git`;
  await git(["init", "--quiet", "--bare", target]);
  if (question.haves.length > 0) {
    // What a client with these commits has, and no more: bases of a thin
    // pack are found, and an object that the answer forgot is missed.
    await git(
      [
        "-C",
        repository.directory,
        "pack-objects",
        "--revs",
        "-q",
        `${target}/objects/pack/pack`,
      ],
      [lines(question.haves)],
    );
  }
  if (kept.shallow.length > 0) {
    await Deno.writeTextFile(
      `${target}/shallow`,
      kept.shallow.map((oid) => `${oid}\n`).join(""),
    );
  }
  const indexed = await tryGit(
    ["-C", target, "index-pack", "--stdin", "--fix-thin"],
    { file: `${directory}/answer.pack` },
  );
  if (indexed.code !== 0) {
    faults.push(`git index-pack says: ${indexed.stderr.trim()}`);
  } else if (sample.objects > 0) {
    const walked = await tryGit(
      [
        ...["-C", target, "rev-list", "--objects", "--quiet", "--stdin"],
        // What a filter left out, nobody asked for.
        ...(question.filter === undefined ? [] : ["--missing=allow-any"]),
      ],
      [lines(kept.wants)],
    );
    if (walked.code !== 0) {
      faults.push(`git rev-list says: ${walked.stderr.trim()}`);
    }
  }
  return faults;
}

function lines(oids: readonly string[]): Uint8Array {
  return new TextEncoder().encode(oids.map((oid) => `${oid}\n`).join(""));
}
