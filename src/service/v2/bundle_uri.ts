/**
 * The v2 command `bundle-uri`: tells where bundles are that hold much of what
 * a clone needs, as the repository's configuration lists them.
 *
 * @see https://git-scm.com/docs/gitprotocol-v2#_bundle_uri
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { ProtocolError } from "../../core/errors.ts";
import { bundleLines } from "../../wire/bundle_uri.ts";
import type { Conversation } from "../conversation.ts";
import type { ServiceContext } from "../types.ts";
import type { V2Invocation } from "./table.ts";

/** Whether the owner wants bundles to be told of. */
export function advertisesBundleUris({ repository }: ServiceContext): boolean {
  return repository.config.boolean("uploadpack.advertisebundleuris") === true;
}

/** The command: bundle-uri.c, bundle_uri_command. */
export function bundleUriCommand(conversation: Conversation): V2Invocation {
  return {
    take(line) {
      throw new ProtocolError(
        "unexpected-line",
        `bundle-uri: unexpected argument: '${printable(line)}'`,
      );
    },
    unended: "bundle-uri: expected flush after arguments",
    run: () => answer(conversation),
  };
}

async function answer({ context, writer }: Conversation): Promise<void> {
  const { config } = context.repository;
  const { lines, unfit } = bundleLines(config.entries());
  for (const key of unfit) {
    context.logger.log(
      "warn",
      `Cannot tell of bundles: '${printable(key)}' has no usable value`,
    );
  }
  for (const line of lines) {
    writer.put(line);
    await writer.relieve();
  }
  writer.putFlush();
}
