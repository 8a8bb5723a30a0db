/**
 * Debian's nginx with fcgiwrap on loopback, with a CGI program behind `/git/`.
 * It needs both on this machine and says which package has what is missing.
 *
 * @module
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { findProgram } from "./debian.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { freePort } from "./server.ts";
import {
  authenticationOf,
  cgiEnvironment,
  cgiScript,
  listens,
  passwordFile,
  type Serving,
  startServing,
  type WebAuthentication,
  type WebServer,
  webServer,
  type WebServerOptions,
} from "./web_server.ts";

/** Programs that run at a time, one for each fcgiwrap. */
const WORKERS = 4;

/** Who is asked for credentials, outside of the virtual host. */
export function nginxMaps(authentication: WebAuthentication): string[] {
  if (authentication !== "pushes") return [];
  return [
    "# nginx takes the name from the header even where it asks for no password.",
    "map $arg_service$uri $git_realm {",
    "    default off;",
    '    "~git-receive-pack" git;',
    "}",
    "map $git_realm $git_user {",
    "    default $remote_user;",
    '    off "";',
    "}",
  ];
}

/** What an operator writes inside of the virtual host. */
export function nginxGit(
  { script, passwords, backend, authentication, environment }: {
    readonly script: string;
    readonly passwords: string;
    /** "unix:" and the socket of fcgiwrap. */
    readonly backend: string;
    readonly authentication: WebAuthentication;
    readonly environment: readonly string[];
  },
): string[] {
  const realm = authentication === "pushes" ? "$git_realm" : "git";
  const user = authentication === "pushes"
    ? "$git_user"
    : authentication === "all"
    ? "$remote_user"
    : '""';
  return [
    "# Named: the maps have an expression of their own.",
    "location ~ ^/git(?<git_path>/.*)$ {",
    ...(authentication === "none" ? [] : [
      `    auth_basic ${realm};`,
      `    auth_basic_user_file ${passwords};`,
    ]),
    "    # Pushes of any size, and nothing of them or of clones in files.",
    "    client_max_body_size 0;",
    "    fastcgi_request_buffering off;",
    "    fastcgi_buffering off;",
    "    fastcgi_read_timeout 1h;",
    `    fastcgi_pass ${backend};`,
    `    fastcgi_param SCRIPT_FILENAME ${script};`,
    "    fastcgi_param PATH_INFO $git_path;",
    "    fastcgi_param REQUEST_METHOD $request_method;",
    "    fastcgi_param QUERY_STRING $query_string;",
    "    fastcgi_param CONTENT_TYPE $content_type;",
    "    fastcgi_param CONTENT_LENGTH $content_length;",
    "    fastcgi_param SERVER_PROTOCOL $server_protocol;",
    "    fastcgi_param REMOTE_ADDR $remote_addr;",
    `    fastcgi_param REMOTE_USER ${user};`,
    ...environment.map((line) => `    ${line}`),
    "}",
  ];
}

/** Starts nginx and fcgiwrap; resolves once it listens. */
export async function startNginx(
  options: WebServerOptions,
): Promise<WebServer> {
  const { cgi, tls, users = {} } = options;
  const program = findProgram("nginx");
  const wrapper = findProgram("fcgiwrap");
  const directory = temporaryDirectory("nginx");
  const at = (name: string) => join(directory, name);
  mkdirSync(at("temporary"));
  const port = await freePort();
  const authentication = authenticationOf(options);
  const sockets = Array.from(
    { length: WORKERS },
    (_, index) => at(`programs${index}`),
  );
  const location = nginxGit({
    script: cgiScript(cgi, at("script")),
    passwords: passwordFile(users, at("passwords")),
    backend: "programs",
    authentication,
    environment: Object.entries(cgiEnvironment(options)).map(
      ([name, value]) => `fastcgi_param ${name} "${value}";`,
    ),
  });
  writeFileSync(
    at("config"),
    [
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
      "upstream programs {",
      "least_conn;",
      ...sockets.map((socket) => `server unix:${socket};`),
      "}",
      ...nginxMaps(authentication),
      "server {",
      `listen 127.0.0.1:${port}${tls === undefined ? "" : " ssl"};`,
      ...(tls === undefined ? [] : [
        `ssl_certificate ${tls.cert};`,
        `ssl_certificate_key ${tls.key};`,
      ]),
      ...location,
      "}",
      "}",
      "",
    ].join("\n"),
  );
  const parts: Serving[] = [];
  const stop = async () => {
    for (const part of parts.toReversed()) await part.stop();
  };
  try {
    for (const socket of sockets) {
      // More than one to a process would outlive it.
      const args = ["-f", "-c", "1", "-s", `unix:${socket}`];
      parts.push(
        await startServing(
          { program: wrapper, args },
          undefined,
          () => existsSync(socket),
        ),
      );
    }
    const args = ["-p", directory, "-e", at("log"), "-c", at("config")];
    parts.push(
      await startServing({ program, args }, at("log"), listens(port)),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return webServer({ port, tls, log: at("log"), parts });
}
