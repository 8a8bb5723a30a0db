/**
 * Where to listen: the addresses of a host name, and paths for Unix domain
 * sockets, with what a dead server left behind out of the way.
 *
 * @module
 */

import { lookup } from "node:dns";
import { lstatSync, unlinkSync } from "node:fs";
import { connect, isIP } from "node:net";
import nodeProcess from "node:process";
import { UsageError } from "../core/errors.ts";
import type { UnixListenOptions } from "../core/host.ts";
import { listenError } from "./listen_error.ts";

/**
 * Every address of a host, in the system's order. Rejects with a UsageError
 * "ENOTFOUND" where it has none.
 */
export function addressesOf(hostname: string): Promise<readonly string[]> {
  if (isIP(hostname) !== 0) return Promise.resolve([hostname]);
  return new Promise((resolve, reject) =>
    // What is empty would be this machine to some.
    hostname === ""
      ? reject(unknownHost(hostname, undefined))
      : lookup(hostname, { all: true, verbatim: true }, (error, found) => {
        if (error) reject(unknownHost(hostname, error));
        else resolve([...new Set(found.map(({ address }) => address))]);
      })
  );
}

function unknownHost(hostname: string, cause: unknown): UsageError {
  return new UsageError(
    "ENOTFOUND",
    `getaddrinfo() for ${hostname} failed: Name or service not known`,
    { cause },
  );
}

/**
 * Listens on a Unix domain socket by `bind`, which makes it: with the right
 * mode from the start, in place of a socket that nobody listens on. Rejects
 * with a UsageError whose code is the system's.
 */
export async function bindUnix<T>(
  options: UnixListenOptions,
  bind: () => T,
): Promise<T> {
  const { path, mode } = options;
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined) {
      if (!found.isSocket() || await isListenedOn(path)) {
        throw Object.assign(new Error("address in use"), {
          code: "EADDRINUSE",
        });
      }
      unlinkSync(path);
    }
    const before = nodeProcess.umask(0o777 & ~mode);
    try {
      return bind();
    } finally {
      nodeProcess.umask(before);
    }
  } catch (error) {
    throw listenError(options, error);
  }
}

async function isListenedOn(path: string): Promise<boolean> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once(
      "error",
      (error: NodeJS.ErrnoException) => resolve(error.code),
    );
  });
  return code !== "ECONNREFUSED";
}

/** Removes a socket's file, if it is there. */
export function removeSocket(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) {
      unlinkSync(path);
    }
  } catch {
    // Not ours to remove: privileges were dropped.
  }
}
