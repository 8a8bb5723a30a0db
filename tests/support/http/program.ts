/**
 * A program that embeds the server as its users would, over the directory that
 * it is given: the function from Request to Response under the runtime's own
 * server. Says `port <n>` once it listens.
 *
 * @module
 */

import process from "node:process";
import { createHandler, FileSystemBackend } from "../../../mod.ts";

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

const handler = createHandler(new FileSystemBackend(process.argv[2] ?? "."));
process.stdout.write(`port ${listen(handler)}\n`);
