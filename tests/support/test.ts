/**
 * The one test harness for both runners: `node:test`, which `deno test` and
 * `bun test` both run, with a time limit that Bun would otherwise set to 5 s.
 *
 * @module
 */

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

/** Runs once before the tests of the enclosing block. */
export function before(body: Body, options: TestOptions = {}): void {
  nodeBefore(async () => {
    await body();
  }, { timeout: options.timeout ?? DEFAULT_TIMEOUT_MS });
}

/** Runs once after the tests of the enclosing block. */
export function after(body: Body): void {
  nodeAfter(async () => {
    await body();
  });
}

/** Runs before each test of the enclosing block. */
export function beforeEach(body: Body): void {
  nodeBeforeEach(async () => {
    await body();
  });
}

/** Runs after each test of the enclosing block. */
export function afterEach(body: Body): void {
  nodeAfterEach(async () => {
    await body();
  });
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
