/**
 * A program that embeds the server as its users would, the function from
 * Request to Response under the runtime's own server: over the directory that
 * it is given, or, for "memory", over an empty repository `hello.git` that
 * takes pushes. Says `port <n>` once it listens.
 *
 * @module
 */

import process from "node:process";
import {
  createHandler,
  DictBackend,
  FileSystemBackend,
  MemoryRepository,
} from "../../../mod.ts";

/** What of Bun is used here. */
interface BunServe {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch(request: Request): Promise<Response>;
  }): { readonly port: number };
}

const HOSTNAME = "127.0.0.1";

function listen(handler: (request: Request) => Promise<Response>): number {
  const { Bun } = globalThis as unknown as { readonly Bun?: BunServe };
  if (Bun !== undefined) {
    return Bun.serve({
      hostname: HOSTNAME,
      port: 0,
      idleTimeout: 0,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: handler,
    }).port;
  }
  const server = Deno.serve(
    { hostname: HOSTNAME, port: 0, onListen() {} },
    handler,
  );
  return server.addr.port;
}

function handlerOver(what: string): (request: Request) => Promise<Response> {
  if (what !== "memory") return createHandler(new FileSystemBackend(what));
  const repositories = { "hello.git": new MemoryRepository() };
  return createHandler(new DictBackend(repositories), {
    limits: { maxConnections: 0 },
    services: [{ service: "receive-pack", change: "enable" }],
  });
}

const port = listen(handlerOver(process.argv[2] ?? "."));
process.stdout.write(`port ${port}\n`);
