import { connectionContract } from "../../contract/connection.ts";
import { host } from "../../../src/runtime/detect.ts";

const current = host();
connectionContract({
  name: current.name,
  listen: (options) => current.listen(options),
});
