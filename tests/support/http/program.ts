/**
 * A program that embeds the server as its users would: `handler <root>` puts
 * the function from Request to Response under the runtime's own server,
 * `tls <root> <cert> <key>` listens for https. Says `port <n>` once it does.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { createHandler, FileSystemBackend, serveHttp } from "../../../mod.ts";

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

async function start(): Promise<number> {
  const [mode, root = ".", cert = "", key = ""] = process.argv.slice(2);
  const backend = new FileSystemBackend(root);
  if (mode === "handler") return listen(createHandler(backend));
  const tls = {
    cert: readFileSync(cert, "utf8"),
    key: readFileSync(key, "utf8"),
  };
  return (await serveHttp({ backend, port: 0, tls })).port;
}

process.stdout.write(`port ${await start()}\n`);
