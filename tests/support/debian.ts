/**
 * Programs that tests start beside git: where each is, and which package has
 * it where it is not. `.ci/run` installs the same packages.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** The packages of Debian and Ubuntu that have them. */
const PACKAGES = {
  apache2: "apache2",
  chromium: "chromium",
  curl: "curl",
  fcgiwrap: "fcgiwrap",
  "git-lfs": "git-lfs",
  htpasswd: "apache2-utils",
  nginx: "nginx",
  openssl: "openssl",
  python3: "python3",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  sshd: "openssh-server",
} as const;

/** Such a program. */
export type DebianProgram = keyof typeof PACKAGES;

/** Where servers are, which the search path of users need not have. */
const PLACES = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/sbin"];

/** Its absolute path; throws with the name of the package that has it. */
export function findProgram(name: DebianProgram): string {
  const path = [...(process.env.PATH ?? "").split(delimiter), ...PLACES]
    .filter((directory) => directory.startsWith("/"))
    .map((directory) => join(directory, name))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) throw missing(name, name);
  return path;
}

/** What to tell where a file of such a program is missing. */
export function missing(what: string, of: DebianProgram): Error {
  return new Error(
    `Cannot run this test: there is no ${what}. On Debian and Ubuntu it is ` +
      `in the package ${PACKAGES[of]}: apt-get install ${PACKAGES[of]}`,
  );
}
