/**
 * Certificates that sign themselves, for 127.0.0.1.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsPair } from "../../src/core/http_host.ts";
import { findProgram } from "./debian.ts";
import { temporaryDirectory } from "./fixture_directory.ts";

/** A pair, and where it lies. */
export interface CertificateFiles extends TlsPair {
  /** The path of the certificate. */
  readonly certPath: string;
  /** The path of its key. */
  readonly keyPath: string;
}

const made = new Map<string, CertificateFiles>();

/** The pair whose subject is `name`; always the same within one run. */
export function certificate(name: string): CertificateFiles {
  const known = made.get(name);
  if (known !== undefined) return known;
  const directory = temporaryDirectory("certificate");
  const certPath = join(directory, "cert.pem");
  const keyPath = join(directory, "key.pem");
  execFileSync(findProgram("openssl"), [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1".split(" "),
    ...`-nodes -days 30 -subj /CN=${name} -keyout ${keyPath}`.split(" "),
    ...`-out ${certPath} -addext subjectAltName=IP:127.0.0.1`.split(" "),
  ], { stdio: "ignore" });
  const pair = {
    certPath,
    keyPath,
    cert: readFileSync(certPath, "utf8"),
    key: readFileSync(keyPath, "utf8"),
  };
  made.set(name, pair);
  return pair;
}
