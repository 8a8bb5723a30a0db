/**
 * A certificate for 127.0.0.1 and the authority that vouches for it, made by
 * openssl for one run of the tests.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../debian.ts";
import { runProgram } from "../git.ts";

/** Paths of the PEM files. */
export interface Certificates {
  /** What clients must trust. */
  readonly authority: string;
  /** The server's certificate. */
  readonly cert: string;
  /** The server's private key. */
  readonly key: string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/** Makes them in `directory`. */
export async function makeCertificates(
  directory: string,
): Promise<Certificates> {
  const at = (name: string): string => join(directory, name);
  const openssl = async (...args: string[]): Promise<void> => {
    const done = await runProgram(findProgram("openssl"), args, {
      cwd: directory,
    });
    if (done.code !== 0) throw new Error(`openssl ${args[0]}: ${done.stderr}`);
  };
  await openssl(
    ...["req", "-x509", ...NEW_KEY, "-nodes", "-days", "2"],
    ...["-subj", "/CN=authority of a test"],
    ...["-keyout", "ca.key", "-out", "ca.pem"],
  );
  await openssl(
    ...["req", ...NEW_KEY, "-nodes", "-subj", "/CN=127.0.0.1"],
    ...["-keyout", "server.key", "-out", "server.csr"],
  );
  writeFileSync(at("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  await openssl(
    ...["x509", "-req", "-in", "server.csr", "-days", "2"],
    ...["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
    ...["-extfile", "names", "-out", "server.pem"],
  );
  return {
    authority: at("ca.pem"),
    cert: at("server.pem"),
    key: at("server.key"),
  };
}
