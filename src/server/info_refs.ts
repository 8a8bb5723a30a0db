/**
 * The body of an answer to `GET info/refs`, without a web server: the listing
 * that dumb clients read, or the advertisement of a service, as
 * `git http-backend` makes them.
 *
 * @see https://git-scm.com/docs/http-protocol
 * @module
 */

import { fromBinary } from "../core/bytes.ts";
import type { Connection } from "../core/host.ts";
import { encodePacket, FLUSH } from "../pktline/packet.ts";
import { inNamespace } from "../service/namespaces.ts";
import { plainRefLines } from "../service/plain_refs.ts";
import type { Repository } from "../storage/types.ts";
import { highestVersion } from "../wire/protocol_version.ts";
import { runCommandSession } from "./command_session.ts";
import type { SessionContext } from "./session_context.ts";

const WRITE_BYTES = 64 * 1024;

/** Which advertisement is made. */
export interface AdvertisedService {
  /** The service. */
  readonly service: "git-upload-pack" | "git-receive-pack";
  /** The value of `GIT_PROTOCOL`, or "". */
  readonly protocol: string;
  /**
   * Whether the line that names the service comes first, where the protocol
   * has one: versions 0 and 1 have (http-backend.c: get_info_refs).
   */
  readonly serviceLine: "first" | "none";
}

/** Writes the advertisement of a service. Rejects as `runCommandSession`. */
export async function writeAdvertisement(
  output: Pick<Connection, "write">,
  context: SessionContext,
  { service, protocol, serviceLine }: AdvertisedService,
): Promise<void> {
  let isBegun = serviceLine === "none" || highestVersion(protocol) === 2;
  const connection: Connection = {
    peer: "stdio",
    address: "",
    read: () => Promise.resolve(0),
    async write(bytes, signal) {
      if (!isBegun) {
        isBegun = true;
        const line = encodePacket(fromBinary(`# service=${service}\n`));
        await output.write(line, signal);
        await output.write(FLUSH, signal);
      }
      await output.write(bytes, signal);
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const name = service === "git-upload-pack" ? "upload-pack" : "receive-pack";
  await runCommandSession(connection, context, {
    service: name,
    path: "/",
    protocol,
  });
}

/** Writes the listing; hidden refs are in it where git lists them. */
export async function writeListing(
  output: Pick<Connection, "write">,
  repository: Repository,
  namespace: string,
): Promise<void> {
  using snapshot = await inNamespace(repository, namespace).snapshot();
  let text = "";
  for (const line of plainRefLines(snapshot)) {
    text += line;
    if (text.length < WRITE_BYTES) continue;
    await output.write(fromBinary(text));
    text = "";
  }
  if (text !== "") await output.write(fromBinary(text));
}
