/**
 * gitsrv's stand-in for `@std/streams`: the part of it that fits this project,
 * with the same names, parameters and results, so that the real package can
 * take its place by one line in `deno.json` and `tsconfig.json`. It is
 * gitsrv's own code, not Deno's, built on Web streams alone.
 *
 * What it is not: a reader of packets. Those have a length in front and live in
 * `src/pktline/`.
 *
 * @module
 */

export { Buffer } from "./streams/buffer.ts";
export {
  concatReadableStreams,
  mergeReadableStreams,
  zipReadableStreams,
} from "./streams/combine.ts";
export {
  toArrayBuffer,
  toBlob,
  toBytes,
  toJson,
  toText,
} from "./streams/consume.ts";
export {
  DelimiterStream,
  type DelimiterStreamOptions,
  TextLineStream,
  type TextLineStreamOptions,
} from "./streams/delimit.ts";
export {
  LimitedBytesTransformStream,
  type LimitedBytesTransformStreamOptions,
} from "./streams/limit.ts";
