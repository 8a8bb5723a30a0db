/**
 * Debian's Apache on loopback, with a CGI program behind `/git/`. It needs
 * `apache2` on this machine and says which package has it where it is missing.
 *
 * Apache gives up root's rights for an account that could read neither the
 * test's files nor root's runtime. As root it is therefore started in a user
 * namespace, where root is called by another number.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { findProgram, missing } from "./debian.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { type Command, freePort } from "./server.ts";
import {
  authenticationOf,
  cgiEnvironment,
  cgiScript,
  listens,
  passwordFile,
  startServing,
  type WebServer,
  webServer,
  type WebServerOptions,
} from "./web_server.ts";

const MODULES = "/usr/lib/apache2/modules";

/**
 * What stands between the program's environment and the virtual host: what an
 * operator writes, whose paths are `script` and `passwords`.
 */
export function apacheGit(
  { script, passwords, authentication }: {
    readonly script: string;
    readonly passwords: string;
    readonly authentication: "none" | "pushes" | "all";
  },
): string[] {
  const ask = [
    "    AuthType Basic",
    '    AuthName "git"',
    `    AuthUserFile ${passwords}`,
    "    Require valid-user",
  ];
  const isPush = "%{QUERY_STRING} =~ /service=git-receive-pack/ || " +
    "%{REQUEST_URI} =~ m#/git-receive-pack$#";
  return [
    `ScriptAlias /git/ ${script}/`,
    "# Protocol version 2.",
    'SetEnvIf Git-Protocol ".*" GIT_PROTOCOL=$0',
    ...(authentication === "pushes"
      ? [`<If "${isPush}">`, ...ask, "</If>"]
      : authentication === "all"
      ? ['<Location "/git/">', ...ask, "</Location>"]
      : []),
  ];
}

/** Starts Apache; resolves once it listens. */
export async function startApache(
  options: WebServerOptions,
): Promise<WebServer> {
  const { cgi, tls, users = {} } = options;
  const program = findProgram("apache2");
  const directory = temporaryDirectory("apache");
  const at = (name: string) => join(directory, name);
  const port = await freePort();
  const environment = Object.entries(cgiEnvironment(options));
  writeFileSync(
    at("config"),
    [
      ...modules(tls !== undefined),
      `ServerRoot ${directory}`,
      `DefaultRuntimeDir ${directory}`,
      `PidFile ${at("pid")}`,
      `ScriptSock ${at("cgid")}`,
      `Mutex file:${directory}`,
      `ErrorLog ${at("log")}`,
      "ServerName 127.0.0.1",
      `Listen 127.0.0.1:${port}`,
      "StartServers 1",
      "ThreadsPerChild 16",
      "MaxRequestWorkers 16",
      ...(tls === undefined ? [] : [
        "SSLEngine on",
        `SSLCertificateFile ${tls.cert}`,
        `SSLCertificateKeyFile ${tls.key}`,
      ]),
      ...environment.map(([name, value]) => `SetEnv ${name} "${value}"`),
      ...apacheGit({
        script: cgiScript(cgi, at("script")),
        passwords: passwordFile(users, at("passwords")),
        authentication: authenticationOf(options),
      }),
      "",
    ].join("\n"),
  );
  const server = await startServing(
    asUser({ program, args: ["-D", "FOREGROUND", "-f", at("config")] }),
    at("log"),
    listens(port),
  );
  return webServer({ port, tls, log: at("log"), parts: [server] });
}

/** Modules; some builds have some of them inside. */
function modules(isTls: boolean): string[] {
  const names = [
    ...["mpm_event", "cgid", "alias", "env", "setenvif", "unixd"],
    ...["authn_core", "authz_core", "authn_file", "authz_user", "auth_basic"],
    ...(isTls ? ["ssl", "socache_shmcb"] : []),
  ];
  if (!existsSync(join(MODULES, "mod_cgid.so"))) {
    throw missing(`${MODULES}/mod_cgid.so`, "apache2");
  }
  return names.map((name) => [name, join(MODULES, `mod_${name}.so`)])
    .filter(([, path]) => existsSync(path as string))
    .map(([name, path]) => `LoadModule ${name}_module ${path}`);
}

function asUser(command: Command): Command {
  if (process.getuid?.() !== 0) return command;
  const wrap = ["--user", "--map-user=33", "--map-group=33"];
  const { status } = spawnSync("unshare", [...wrap, "true"]);
  if (status !== 0) {
    throw new Error(
      "Cannot test Apache as root where user namespaces are not allowed: " +
        "run the tests as another user, or allow unshare --user",
    );
  }
  return {
    program: "unshare",
    args: [...wrap, command.program, ...command.args],
  };
}
