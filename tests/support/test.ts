/**
 * The one test harness for both runners: `node:test`, which `deno test` and
 * `bun test` both run, with a time limit that Bun would otherwise set to 5 s,
 * for hooks as well.
 *
 * @module
 */

import process from "node:process";
import {
  after as nodeAfter,
  afterEach as nodeAfterEach,
  before as nodeBefore,
  beforeEach as nodeBeforeEach,
  describe as nodeDescribe,
  it as nodeIt,
  test as nodeTest,
} from "node:test";

/** Options of one test. */
export interface TestOptions {
  /** Limit in milliseconds; 120,000 unless told. */
  readonly timeout?: number;
}

type Body = () => void | Promise<void>;

const DEFAULT_TIMEOUT_MS = 120_000;

// Bun ignores the limit that a hook of node:test asks for, and takes the one
// that was set last in the file. The name is no literal: Deno has no such
// module.
const BUN_TEST: string = "bun:test";
const setHookLimit: (ms: number) => void = process.versions.bun === undefined
  ? () => {}
  : (await import(BUN_TEST)).setDefaultTimeout;

/** Registers one test whose title is a sentence about behaviour. */
export function test(title: string, body: Body): void;
export function test(title: string, options: TestOptions, body: Body): void;
export function test(
  title: string,
  optionsOrBody: TestOptions | Body,
  maybeBody?: Body,
): void {
  const [options, body] = normalise(optionsOrBody, maybeBody);
  nodeTest(title, options, async () => {
    await body();
  });
}

/** Registers one test inside a {@linkcode describe} block. */
export function it(title: string, body: Body): void;
export function it(title: string, options: TestOptions, body: Body): void;
export function it(
  title: string,
  optionsOrBody: TestOptions | Body,
  maybeBody?: Body,
): void {
  const [options, body] = normalise(optionsOrBody, maybeBody);
  nodeIt(title, options, async () => {
    await body();
  });
}

/** Groups tests under a title. */
export function describe(title: string, body: () => void): void {
  nodeDescribe(title, body);
}

/** Runs once before the tests of the enclosing block, within 120 s. */
export function before(body: Body): void {
  setHookLimit(DEFAULT_TIMEOUT_MS);
  nodeBefore(async () => {
    await body();
  }, { timeout: DEFAULT_TIMEOUT_MS });
}

/** Runs once after the tests of the enclosing block, within 120 s. */
export function after(body: Body): void {
  setHookLimit(DEFAULT_TIMEOUT_MS);
  nodeAfter(async () => {
    await body();
  }, { timeout: DEFAULT_TIMEOUT_MS });
}

/** Runs before each test of the enclosing block, within 120 s. */
export function beforeEach(body: Body): void {
  setHookLimit(DEFAULT_TIMEOUT_MS);
  nodeBeforeEach(async () => {
    await body();
  }, { timeout: DEFAULT_TIMEOUT_MS });
}

/** Runs after each test of the enclosing block, within 120 s. */
export function afterEach(body: Body): void {
  setHookLimit(DEFAULT_TIMEOUT_MS);
  nodeAfterEach(async () => {
    await body();
  }, { timeout: DEFAULT_TIMEOUT_MS });
}

function normalise(
  optionsOrBody: TestOptions | Body,
  maybeBody: Body | undefined,
): [{ timeout: number }, Body] {
  const body = typeof optionsOrBody === "function" ? optionsOrBody : maybeBody;
  const options = typeof optionsOrBody === "function" ? {} : optionsOrBody;
  if (body === undefined) throw new TypeError("A test needs a body");
  return [{ timeout: options.timeout ?? DEFAULT_TIMEOUT_MS }, body];
}
