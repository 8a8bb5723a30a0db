/** The kernels' exports; their memory is laid out by `heapStart`. */

export { configureIds } from "./ids";
export { applyDelta, resultSize } from "./delta";
export { createDelta, indexBase } from "./delta_create";
export {
  configureFamilies,
  endFamilies,
  familyBytes,
  familyRootsDone,
  isInFamily,
  walkFamilies,
} from "./families";
export {
  continueStream,
  inflate,
  inputEnd,
  outputEnd,
  startStream,
} from "./inflate";
export { encodeRefs, indexRefs, refsInputEnd, refsOutputEnd } from "./refs";
export {
  addIds,
  countDigits,
  endIds,
  invert,
  keyBits,
  orderKeys,
  readOffsets,
  scatter,
  startIds,
  sumDigits,
} from "./pack_index";
export { configureScan, scanEntries, scanStop } from "./scan";
export {
  commitsFrom,
  configure,
  expandTrees,
  headersFrom,
  takeWork,
} from "./walker";
export {
  configureNodes,
  endNodes,
  hashResults,
  nodeResults,
  runNodes,
} from "./resolve";
export {
  sha1Attacks,
  sha1Context,
  sha1ContextBytes,
  sha1Finish,
  sha1Start,
  sha1Tables,
  sha1Update,
} from "./sha1dc";
export { sha1Many } from "./sha1dc_lanes";

/** Where memory that the caller may use begins. */
export function heapStart(): usize {
  return __heap_base;
}
