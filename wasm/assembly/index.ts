/** The kernels' exports; their memory is laid out by `heapStart`. */

export { inflate, inputEnd, outputEnd } from "./inflate";
export { encodeRefs, indexRefs, refsInputEnd, refsOutputEnd } from "./refs";
export {
  commitsFrom,
  configure,
  expandTrees,
  headersFrom,
  takeWork,
} from "./walker";

/** Where memory that the caller may use begins. */
export function heapStart(): usize {
  return __heap_base;
}
