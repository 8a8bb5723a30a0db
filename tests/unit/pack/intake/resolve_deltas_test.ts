import { resolveDeltas } from "../../../../src/pack/intake/resolve_deltas.ts";
import { resolverContract } from "../../../contract/resolve_deltas.ts";

resolverContract("families", resolveDeltas);
