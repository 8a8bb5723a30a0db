import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { connectionContract } from "../../contract/connection.ts";
import { host } from "../../../src/runtime/detect.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";

const current = host();
const listen = current.listen.bind(current);

connectionContract({ name: current.name, listen });
connectionContract({
  name: `${current.name}, by a Unix domain socket`,
  place: { path: join(temporaryDirectory("socket"), "a.sock"), mode: 0o600 },
  listen,
});
// Not every machine has IPv6.
const hasIpv6 = Object.values(networkInterfaces()).flat()
  .some((each) => each?.address === "::1");
if (hasIpv6) {
  connectionContract({
    name: `${current.name}, by IPv6`,
    place: { hostname: "::1", port: 0 },
    listen,
  });
}
