/**
 * The command line program: `gitsrv <command>`. Everything it does is in
 * `src/cli/`.
 *
 * @module
 */

import { main } from "./src/cli/main.ts";
import {
  currentProcess,
  exit,
  programArguments,
} from "./src/runtime/process.ts";

exit(await main(programArguments(), currentProcess()));
