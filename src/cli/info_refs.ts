/**
 * `gitsrv info-refs`: the body of a web server's answer to `GET info/refs`, for
 * whoever puts it on a static or an edge host.
 *
 * @see https://git-scm.com/docs/http-protocol
 * @module
 */

import { printInfoRefs } from "../compose/info_refs.ts";
import { UsageError } from "../core/errors.ts";
import type { ProcessIo } from "../core/process.ts";
import { expandNamespace } from "../service/namespaces.ts";
import { openAsked } from "./asked_repository.ts";
import { EXIT } from "./command.ts";
import type { ParsedArguments } from "./options.ts";

const SERVICES = ["git-upload-pack", "git-receive-pack"] as const;

/** Prints it. Throws a UsageError "usage" for what cannot be asked. */
export async function runInfoRefs(
  { options, rest }: ParsedArguments,
  io: ProcessIo,
): Promise<number> {
  const [directory, ...more] = rest;
  if (more.length > 0) throw new UsageError("usage", "too many arguments");
  const asked = options.text("service");
  const service = SERVICES.find((name) => name === asked);
  if (asked !== undefined && service === undefined) {
    throw new UsageError("usage", `unknown service '${asked}'`);
  }
  const version = options.text("protocol");
  if (version !== undefined && !/^[012]$/.test(version)) {
    throw new UsageError("usage", `unknown protocol version '${version}'`);
  }
  const hasLine = !options.has("service-line") || options.flag("service-line");
  const { repository } = await openAsked(
    directory === undefined ? { type: "around" } : { type: "named", directory },
    io,
  );
  const protocol = version === undefined
    ? io.env("GIT_PROTOCOL") ?? ""
    : `version=${version}`;
  await printInfoRefs({
    repository,
    namespace: expandNamespace(io.env("GIT_NAMESPACE") ?? ""),
    ...(service === undefined ? {} : {
      advertised: {
        service,
        protocol,
        serviceLine: hasLine ? "first" : "none",
      },
    }),
  });
  return EXIT.ok;
}
