/**
 * The client process: takes orders as JSON lines on stdin, puts them to a
 * server, and answers with JSON lines on stdout. It is a process of its own so
 * that its CPU and memory never count as the server's or disturb the sampler.
 *
 * @module
 */

import { Conversation, type PackKeeper } from "./conversation.ts";
import { HttpSocket } from "./http_socket.ts";
import type { Kept, Order, Result, Sample } from "./messages.ts";
import { createInterface } from "node:readline";
import process from "node:process";

/** Fewer, larger reads cost the client less than one per packet. */
const READ_BUFFER = 256 * 1024;

/**
 * First connects of a batch are apart by this much: git daemon listens with a
 * backlog of 5 (daemon.c), and a connect lost there would wait a second.
 */
const STAGGER_MS = 2;

const buffers: Uint8Array[] = [];

async function ask(order: Order): Promise<[Sample, Kept | undefined]> {
  const buffer = buffers.pop() ?? new Uint8Array(READ_BUFFER);
  const startedAt = performance.now();
  const socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: order.port,
  });
  const file = order.keepPack === undefined
    ? undefined
    : await Deno.create(order.keepPack);
  const keeper: PackKeeper | undefined = file && {
    write: (bytes) => writeAll(file, bytes),
  };
  try {
    const conversation = new Conversation(
      order,
      order.transport === "http" ? new HttpSocket(socket, order.path) : socket,
      buffer,
      keeper,
    );
    const sample = await conversation.run(startedAt);
    return [sample, keeper && conversation.kept()];
  } finally {
    socket.close();
    file?.close();
    buffers.push(buffer);
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

async function carryOut(order: Order): Promise<Result> {
  const samples: Sample[] = [];
  let kept: Kept | undefined;
  let left = order.count;
  const lane = async (index: number): Promise<void> => {
    if (index > 0) {
      await new Promise((resolve) => setTimeout(resolve, index * STAGGER_MS));
    }
    while (left > 0) {
      left--;
      const [sample, facts] = await ask(order);
      samples.push(sample);
      kept = facts ?? kept;
    }
  };
  const cpu = process.cpuUsage();
  const started = performance.now();
  const lanes = Math.min(order.concurrency, order.count);
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
  const elapsedMs = performance.now() - started;
  const used = process.cpuUsage(cpu);
  return {
    id: order.id,
    elapsedMs,
    clientCpuMs: (used.user + used.system) / 1000,
    samples,
    ...(kept === undefined ? {} : { kept }),
  };
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as Order;
    const result = await carryOut(order).catch((cause): Result => ({
      id: order.id,
      elapsedMs: 0,
      clientCpuMs: 0,
      samples: [],
      error: cause instanceof Error ? cause.message : String(cause),
    }));
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}
