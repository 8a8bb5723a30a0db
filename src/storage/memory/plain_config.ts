/**
 * A configuration given as plain values, for repositories that have no file.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ConfigView } from "../types.ts";

/** Values by full key, such as `{"uploadpack.allowFilter": "true"}`. */
export type PlainConfigValues = Readonly<
  Record<string, string | number | boolean | readonly string[]>
>;

// config.c: git_parse_maybe_bool_text
const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
  "": false,
};

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

/** A {@linkcode ConfigView} over plain values. */
export class PlainConfig implements ConfigView {
  readonly #values = new Map<string, readonly string[]>();

  /** Copies `values`; section and name of their keys may be in any case. */
  constructor(values: PlainConfigValues = {}) {
    for (const [key, value] of Object.entries(values)) {
      const list = typeof value === "object" ? [...value] : [String(value)];
      this.#values.set(normalise(key), list);
    }
  }

  get(key: string): string | undefined {
    return this.all(key).at(-1);
  }

  all(key: string): readonly string[] {
    return this.#values.get(normalise(key)) ?? [];
  }

  boolean(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const word = WORDS[value.toLowerCase()];
    if (word !== undefined) return word;
    const number = parseInteger(value);
    if (number !== undefined) return number !== 0;
    throw new StorageError(
      "bad-config",
      `bad boolean config value '${value}' for '${key}'`,
    );
  }

  integer(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const number = parseInteger(value);
    if (number !== undefined) return number;
    throw new StorageError(
      "bad-config",
      `bad numeric config value '${value}' for '${key}': invalid unit`,
    );
  }

  *entries(): Generator<readonly [string, string], void, void> {
    for (const [key, values] of this.#values) {
      for (const value of values) yield [key, value];
    }
  }
}

/** Lower case, but for the subsection between the first and the last dot. */
function normalise(key: string): string {
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  if (first < 0) return key.toLowerCase();
  return key.slice(0, first).toLowerCase() + key.slice(first, last) +
    key.slice(last).toLowerCase();
}

function parseInteger(text: string): number | undefined {
  const match = /^\s*([+-]?\d+)([kmg]?)$/i.exec(text);
  if (match === null) return undefined;
  const unit = UNITS[(match[2] as string).toLowerCase()] as number;
  const value = Number(match[1]) * unit;
  return Number.isSafeInteger(value) ? value : undefined;
}
