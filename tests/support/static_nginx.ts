/**
 * Debian's nginx as a server of plain files, configured as the README says.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { temporaryDirectory } from "./fixture_directory.ts";
import { findProgram } from "./debian.ts";
import { freePort } from "./server.ts";
import { listens, startServing, type WebServer } from "./web_server.ts";

/** What an operator writes inside of the virtual host. */
export function staticLocation(folder: string): string[] {
  return [
    "location / {",
    `  root ${folder};`,
    '  add_header Cache-Control "no-cache";',
    "  location ~ /(objects/pack/pack-|bundles/)[0-9a-f]+\\.(pack|idx|bundle)$ {",
    '    add_header Cache-Control "public, max-age=31536000, immutable";',
    "  }",
    "}",
  ];
}

/** Starts nginx for the files below `folder`, which is made. */
export async function startStaticNginx(folder: string): Promise<WebServer> {
  const program = findProgram("nginx");
  const directory = temporaryDirectory("nginx");
  const at = (name: string) => join(directory, name);
  mkdirSync(folder, { recursive: true });
  mkdirSync(at("temporary"));
  const port = await freePort();
  const config = [
    ...(process.getuid?.() === 0 ? ["user root;"] : []),
    "daemon off;",
    "worker_processes 1;",
    `pid ${at("pid")};`,
    `error_log ${at("log")} error;`,
    "events { worker_connections 64; }",
    "http {",
    "access_log off;",
    ...["client_body", "fastcgi", "proxy", "scgi", "uwsgi"].map((name) =>
      `${name}_temp_path ${at("temporary")}/${name};`
    ),
    "server {",
    `listen 127.0.0.1:${port};`,
    ...staticLocation(folder),
    "}",
    "}",
    "",
  ];
  writeFileSync(at("config"), config.join("\n"));
  const args = ["-p", directory, "-e", at("log"), "-c", at("config")];
  const nginx = await startServing(
    { program, args },
    at("log"),
    listens(port),
  );
  return {
    pid: nginx.pid,
    port,
    url: (path) => `http://127.0.0.1:${port}${path}`,
    log: () => nginx.output(),
    stop: () => nginx.stop(),
  };
}
