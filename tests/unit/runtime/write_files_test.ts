import { NODE_WRITE_FILES } from "../../../src/runtime/write_files.ts";
import { describeFileSystem } from "../../contract/file_system.ts";
import { describeWritableFiles } from "../../contract/write_files.ts";

describeFileSystem("of the files that are written", NODE_WRITE_FILES);
describeWritableFiles("over node:fs", NODE_WRITE_FILES);
