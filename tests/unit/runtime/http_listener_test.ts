/**
 * HTTP of the runtime that runs the tests.
 *
 * @module
 */

import { host } from "../../../src/runtime/detect.ts";
import { httpListenerContract } from "../../contract/http_listener.ts";

httpListenerContract({
  name: host().name,
  listen: (options, answer) => host().listenHttp(options, answer),
});
