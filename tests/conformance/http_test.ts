/**
 * Real git clients over HTTP, against every way that it is served, in every
 * protocol version. `GITSRV_TEST_SERVER=git` runs the same against git's own
 * `http-backend` under Apache.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DUMB } from "../support/http/dumb.ts";
import { FETCHING } from "../support/http/fetching.ts";
import { PUSHING } from "../support/http/pushing.ts";
import { SHALLOW } from "../support/http/shallow.ts";
import { HttpWorld, type Scenario, Templates } from "../support/http/world.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { itInParallel } from "../support/git_jobs.ts";
import { HTTP_SERVERS, startHttpServers } from "../support/http_server.ts";
import { after, describe } from "../support/test.ts";

const root = temporaryDirectory("http");
const [served, clients, made] = ["served", "clients", "templates"].map(
  (name) => {
    const path = join(root, name);
    mkdirSync(path);
    return path;
  },
) as [string, string, string];
const templates = new Templates(made);
const servers = await startHttpServers(served);

const SCENARIOS: readonly Scenario[] = [...FETCHING, ...SHALLOW, ...PUSHING];

after(async () => {
  for (const server of servers.values()) await server.stop();
  removeDirectory(root);
});

for (const row of HTTP_SERVERS) {
  const server = servers.get(row);
  if (server === undefined) continue;
  for (const version of row.versions) {
    const world = new HttpWorld({
      server,
      version,
      templates,
      served,
      clients,
    });
    const told = SCENARIOS.filter(({ versions = [0, 2] }) =>
      versions.includes(version)
    );
    if (row.isDumb && version === row.versions[0]) told.push(...DUMB);
    describe(`A client of ${row.name}, protocol v${version}`, () => {
      itInParallel(told.map(({ title, run }) => ({
        title,
        run: () => run(world),
      })));
    });
  }
}
