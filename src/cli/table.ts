/**
 * The subcommands, one row each, with everything that help needs. Their code
 * is loaded when one is run, but that of `serve-command` with this: it starts
 * once per connection, and each file more to open takes its time.
 *
 * @module
 */

import { LIMITS } from "../server/limits.ts";
import type { ServiceChange } from "../server/service_settings.ts";
import type { CommandRow } from "./command.ts";
import type { OptionRow } from "./options.ts";
import { runServeCommand } from "./serve_command.ts";
import { SSH_OPTIONS } from "./ssh_options.ts";
import { GIT_DAEMON_REFUSED } from "./unsupported.ts";

function limitOptions(): readonly OptionRow[] {
  return LIMITS.flatMap((row) =>
    row.option === undefined ? [] : [{
      name: row.option,
      value: "<n>",
      ...(row.unit === "bytes" ? { isSize: true } : { isInteger: true }),
      meaning: `${row.meaning}; default ${row.default}${
        row.unit === "" ? "" : ` ${row.unit}`
      }${row.unit === "bytes" ? "; may end in k, m or g" : ""}`,
    }]
  );
}

/** Made for the daemon and its help: some fifty rows. */
function daemonOptions(): readonly OptionRow[] {
  return [
    {
      name: "listen",
      value: "<host>",
      meaning:
        "address, host name or Unix domain socket (an absolute path, or " +
        "unix:<path>) to listen on, again for more; default 127.0.0.1",
    },
    {
      name: "port",
      value: "<n>",
      isInteger: true,
      meaning: "port to listen on; default 9418, 0 lets the system choose",
    },
    {
      name: "http-port",
      value: "<n>",
      isInteger: true,
      meaning: "port for HTTP; default 8080, 0 lets the system choose; " +
        "under git's rules, or with Unix sockets alone, HTTP is off without it",
    },
    {
      name: "http",
      meaning: "serve HTTP as well: the default; --no-http does not",
    },
    {
      name: "public-url",
      value: "<url>",
      meaning: "where others find /, for the lines to clone by on pages for " +
        "people; default the address that HTTP is listened on",
    },
    {
      name: "git",
      meaning: "serve git:// as well: the default; --no-git does not",
    },
    {
      name: "tls-cert",
      value: "<file>",
      meaning: "certificate chain, PEM: makes it HTTPS; read again at SIGHUP",
    },
    {
      name: "tls-key",
      value: "<file>",
      meaning: "its private key, PEM",
    },
    {
      name: "cors",
      value: "<origin>",
      meaning: "let pages of <origin> ask in a browser, again for more; * is " +
        "every page; none unless told",
    },
    {
      name: "socket-mode",
      value: "<mode>",
      meaning: "who may connect to Unix domain sockets; default 0600",
    },
    {
      name: "inetd",
      meaning: "serve the one connection on standard input and output",
    },
    {
      name: "base-path",
      value: "<path>",
      meaning: "put <path> in front of every requested path (git's rules)",
    },
    {
      name: "base-path-relaxed",
      meaning: "try the path without it as well (git's rules)",
    },
    {
      name: "strict-paths",
      meaning: "take paths as they are: no .git is added, and a directory in " +
        "the list is one repository (git's rules)",
    },
    {
      name: "interpolated-path",
      value: "<template>",
      meaning:
        "where repositories are for clients that name a host: %H is its " +
        "name, %CH the canonical one, %IP its address, %P the port, %D the " +
        "requested path (git's rules)",
    },
    {
      name: "user-path",
      value: "<path>",
      isOptional: true,
      meaning:
        "let ~user stand for a user's home, or <path> in it (git's rules)",
    },
    {
      name: "export-all",
      meaning: "serve repositories without git-daemon-export-ok as well " +
        "(git's rules)",
    },
    ...serviceOptions(),
    {
      name: "access-hook",
      value: "<program>",
      meaning: "run it before each request, with service, repository, host, " +
        "canonical host, address and port (over HTTP without hosts); it " +
        "refuses by its exit code",
    },
    {
      name: "htpasswd",
      value: "<file>",
      meaning: "users and their passwords, as htpasswd -B writes them (HTTP)",
    },
    {
      name: "tokens",
      value: "<file>",
      meaning: "users and their tokens, a line <user>:<SHA-256 in hex> each " +
        "(HTTP)",
    },
    {
      name: "config",
      value: "<file>",
      meaning: "who may read and write which repository, in git's syntax: " +
        "gitsrv.<pattern>.read and .write; gitsrv.htpasswd and .tokens name " +
        "the two files above",
    },
    {
      name: "informative-errors",
      meaning: "tell refused clients why they were refused",
    },
    ...limitOptions(),
    {
      name: "pid-file",
      value: "<file>",
      meaning: "write the process id there",
    },
    {
      name: "reuseaddr",
      meaning: "listen though old connections linger: always done, for git",
    },
    { name: "verbose", meaning: "log every connection and request" },
    {
      name: "log-destination",
      value: "<where>",
      meaning: "stderr, syslog or none; default syslog with --inetd or " +
        "--detach, else stderr",
    },
    { name: "syslog", meaning: "short for --log-destination=syslog" },
    {
      name: "detach",
      meaning: "serve in the background; this ends when that listens",
    },
    {
      name: "user",
      value: "<name>",
      meaning: "become this user once the ports are open",
    },
    {
      name: "group",
      value: "<name>",
      meaning: "with this group in place of the user's own",
    },
  ];
}

/** `--enable=<service>` and its kin. */
function serviceOptions(): readonly OptionRow[] {
  const meanings: Readonly<Record<ServiceChange, string>> = {
    "enable": "offer a service: upload-pack, upload-archive, receive-pack",
    "disable": "do not offer it",
    "allow-override": "let a repository's configuration decide " +
      "(daemon.uploadpack, daemon.uploadarch, daemon.receivepack; over HTTP " +
      "http.uploadpack, http.uploadarchive, http.receivepack): the default",
    "forbid-override": "do not let it",
  };
  const changes = Object.entries(meanings).map(([name, meaning]) => ({
    name,
    value: "<service>",
    meaning,
  }));
  return [
    ...changes,
    {
      name: "allow-push",
      meaning: "short for --enable=receive-pack: whoever can connect can " +
        "push, where no rule of --config says otherwise",
    },
    {
      name: "create-on-push",
      meaning: "make a bare repository where a push finds none",
    },
  ];
}

/** What a service takes beside the options that both forms have. */
const PROGRAM_OPTIONS: readonly OptionRow[] = [
  {
    name: "stateless-rpc",
    meaning: "end after one request and its answer (git-upload-pack, " +
      "git-receive-pack)",
  },
  {
    name: "http-backend-info-refs",
    meaning: "end after the advertisement (git-upload-pack, " +
      "git-receive-pack); also: --advertise-refs",
  },
  {
    name: "quiet",
    short: "q",
    meaning: "tell of no progress (git-receive-pack)",
  },
];

/** All subcommands, in the order of help. */
export const COMMANDS: readonly CommandRow[] = [
  {
    name: "daemon",
    summary: "serve repositories over git:// and HTTP",
    operands: "[<directory>...]",
    description: [
      "Serves every repository below <directory> over git:// and HTTP, read-only",
      "unless told. Without one it is ./repos, and without that a welcome",
      "repository that is kept in memory.",
      "",
      "With --base-path, --base-path-relaxed, --strict-paths,",
      "--interpolated-path or --user-path the rules are those of git daemon: the",
      "directories are the list of what may be served, and a repository needs",
      "git-daemon-export-ok unless --export-all is given.",
    ],
    get options() {
      return daemonOptions();
    },
    refused: GIT_DAEMON_REFUSED,
    load: async () => (await import("./daemon.ts")).runDaemon,
  },
  {
    name: "serve-command",
    summary: "serve one session on standard input and output",
    operands: "[<service> <directory>]",
    grammar: "own",
    description: [
      "With a service, git-upload-pack, git-receive-pack or git-upload-archive,",
      "it stands in for git's program of that name and takes its options, before",
      "the service or behind it. GIT_PROTOCOL says which versions of the",
      "protocol the client knows, GIT_NAMESPACE which refs are served.",
      "",
      "http-backend, which takes neither options nor a directory, stands in for",
      "git http-backend: one request of a web server's, by CGI.",
      "",
      "Without one it is the forced command of an SSH key: what the client asks",
      "for is in SSH_ORIGINAL_COMMAND. But for GIT_PROTOCOL no variable named",
      "GIT_... is read then.",
    ],
    get options() {
      return [...PROGRAM_OPTIONS, ...SSH_OPTIONS];
    },
    load: () => Promise.resolve(runServeCommand),
  },
  {
    name: "update-server-info",
    summary: "write the files by which a plain web server serves a repository",
    operands: "[<directory>...]",
    description: [
      "Writes info/refs and objects/info/packs, the bytes that git",
      "update-server-info would write, those that would change. Without a",
      "directory it is the repository that git would find from here: GIT_DIR, or",
      "this directory or one above it. It exits as git does: 1 where a file could",
      "not be written, 128 where there is no repository; with several",
      "directories it goes on to the others.",
    ],
    options: [{
      name: "force",
      short: "f",
      meaning: "write both from scratch, and forget the order of packs",
    }],
    load: async () =>
      (await import("./update_server_info.ts")).runUpdateServerInfo,
  },
  {
    name: "info-refs",
    summary: "print what a web server answers to GET info/refs",
    operands: "[<directory>]",
    description: [
      "Prints the listing of refs for dumb clients, or with --service the body of",
      "the answer to GET info/refs?service=<name>, as git http-backend makes it:",
      "in protocol 0 or 1 with the line `# service=<name>` in front, in version 2",
      "without. GIT_PROTOCOL says which version, GIT_NAMESPACE which refs. Without",
      "a directory it is the repository that git would find from here.",
    ],
    options: [
      {
        name: "service",
        value: "<name>",
        meaning: "advertise git-upload-pack or git-receive-pack",
      },
      {
        name: "protocol",
        value: "<n>",
        isInteger: true,
        meaning: "version 0, 1 or 2, in place of what GIT_PROTOCOL says",
      },
      {
        name: "service-line",
        meaning: "begin with the line `# service=`: the default; with " +
          "--no-service-line it is what git upload-pack " +
          "--http-backend-info-refs prints",
      },
    ],
    load: async () => (await import("./info_refs.ts")).runInfoRefs,
  },
  {
    name: "export",
    summary: "make a folder that any web server can hand out",
    operands: "[--out=<folder> <directory>...]",
    description: [
      "Makes a folder from which any git can clone, fetch and list by plain HTTP:",
      "one repository is the folder itself, of several each is a folder",
      "<name>.git in it, with a page that lists them. Hidden refs are left out,",
      "with the objects that only they reach. Run again it writes what has",
      "changed and keeps the rest, and whoever reads meanwhile, or after it was",
      "killed, finds each repository as it was or as it is now.",
    ],
    options: [
      {
        name: "out",
        value: "<folder>",
        meaning: "where to; made where it is not there",
      },
      {
        name: "url",
        value: "<url>",
        meaning: "where the folder will be, for the lines that clone",
      },
      {
        name: "bundle",
        meaning: "add a bundle of all, and bundle-list, which names it for " +
          "`git clone --bundle-uri` and for a server's configuration",
      },
      {
        name: "keep-old",
        value: "<n>",
        isInteger: true,
        meaning: "packs and bundles that nothing leads to any more stay for " +
          "<n> seconds, for those who are reading; default 3600",
      },
      {
        name: "watch",
        meaning: "go on, and export what changes, until a signal says stop",
      },
      {
        name: "check",
        value: "<url>",
        meaning: "export nothing: look whether the web server at <url>, the " +
          "folder of a repository, hands it out so that git can use it",
      },
    ],
    load: async () => (await import("./export.ts")).runExport,
  },
];
