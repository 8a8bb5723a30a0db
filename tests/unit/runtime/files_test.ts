import { NODE_FILES } from "../../../src/runtime/files.ts";
import { describeFileSystem } from "../../contract/file_system.ts";

describeFileSystem("over node:fs", NODE_FILES);
