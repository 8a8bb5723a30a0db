/**
 * What `.gitmodules` and `.gitattributes` may say.
 *
 * fsck.c: fsck_blob, fsck_gitmodules_fn; submodule-config.c:
 * check_submodule_name.
 *
 * @module
 */

import { parseConfig } from "../../core/config_parser.ts";
import { StorageError } from "../../core/errors.ts";
import type { Report } from "./messages.ts";
import { isBadSubmoduleUrl } from "./submodule_url.ts";

/**
 * A `.gitmodules` of more bytes is too large for us; for git where it is above
 * core.bigFileThreshold.
 */
const MODULES_MAX = 4 * 1024 * 1024;
// attr.h: ATTR_MAX_FILE_SIZE, ATTR_MAX_LINE_LENGTH.
const ATTRIBUTES_MAX = 100 * 1024 * 1024;
const ATTRIBUTES_LINE_MAX = 2048;

/** Whether git finds an error in a blob that stands at `.gitmodules`. */
export function isBadGitmodules(data: Uint8Array, report: Report): boolean {
  if (data.length > MODULES_MAX) {
    return report("gitmodulesLarge", ".gitmodules too large to parse");
  }
  let isBad = false;
  const look: Report = (id, text) => {
    const isError = report(id, text);
    if (isError) isBad = true;
    return isError;
  };
  try {
    parseConfig(data, ".gitmodules", (key, value) => {
      checkPair(key, value, look);
    }, "object");
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    look("gitmodulesParse", "could not parse gitmodules blob");
  }
  return isBad;
}

const SECTION = "submodule.";

function checkPair(
  pair: string,
  value: string | undefined,
  report: Report,
): void {
  const dot = pair.lastIndexOf(".");
  if (!pair.startsWith(SECTION) || dot < SECTION.length) return;
  const name = pair.slice(SECTION.length, dot);
  const key = pair.slice(dot + 1);
  if (isBadName(name)) {
    report("gitmodulesName", `disallowed submodule name: ${name}`);
  }
  if (value === undefined) return;
  if (key === "url" && isBadSubmoduleUrl(value)) {
    report("gitmodulesUrl", `disallowed submodule url: ${value}`);
  }
  if (key === "path" && value.startsWith("-")) {
    report("gitmodulesPath", `disallowed submodule path: ${value}`);
  }
  if (key === "update" && value.startsWith("!")) {
    report(
      "gitmodulesUpdate",
      `disallowed submodule update setting: ${value}`,
    );
  }
}

function isBadName(name: string): boolean {
  return name === "" || /(?:^|[/\\])\.\.(?:$|[/\\])/.test(name);
}

/** Whether git finds an error in a blob that stands at `.gitattributes`. */
export function isBadGitattributes(data: Uint8Array, report: Report): boolean {
  if (data.length > ATTRIBUTES_MAX) {
    return report("gitattributesLarge", ".gitattributes too large to parse");
  }
  const nul = data.indexOf(0);
  const end = nul < 0 ? data.length : nul;
  let start = 0;
  for (let at = 0; at <= end; at++) {
    if (at < end && data[at] !== 0x0a) continue;
    if (at - start >= ATTRIBUTES_LINE_MAX) {
      const words = ".gitattributes has too long lines to parse";
      return report("gitattributesLineLength", words);
    }
    start = at + 1;
  }
  return false;
}
