/**
 * The README's configurations of web servers are those that
 * `tests/conformance/http_cgi_test.ts` starts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { apacheGit } from "../support/apache.ts";
import { nginxGit, nginxMaps } from "../support/nginx.ts";
import { test } from "../support/test.ts";

const README = readFileSync(
  new URL("../../README.md", import.meta.url),
  "utf8",
);
const SCRIPT = "/usr/local/lib/gitsrv-http-backend";

test("README.md has the lines of Apache's tests", () => {
  hasLines(apacheGit({
    script: SCRIPT,
    passwords: "/etc/apache2/git.passwords",
    authentication: "pushes",
  }));
});

test("README.md has the lines of nginx's tests", () => {
  hasLines(nginxMaps("pushes"));
  hasLines(nginxGit({
    script: SCRIPT,
    passwords: "/etc/nginx/git.passwords",
    backend: "unix:/run/fcgiwrap.socket",
    authentication: "pushes",
    environment: [
      'fastcgi_param GIT_PROJECT_ROOT "/srv/git";',
      'fastcgi_param GIT_HTTP_EXPORT_ALL "1";',
    ],
  }));
});

function hasLines(lines: readonly string[]): void {
  const text = lines.join("\n");
  assert.ok(README.includes(text), `README.md lacks:\n${text}`);
}
