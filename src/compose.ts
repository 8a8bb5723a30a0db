/**
 * Where the rooms are joined: runtime, kernels and storage are handed to the
 * server. The library's functions and the commands both start here.
 *
 * @module
 */

export { FileAccess, type FileAccessOptions } from "./compose/access.ts";
export { serveCommand, type ServeCommandOptions } from "./compose/command.ts";
export {
  addressOpener,
  directoryBackend,
  FileSystemBackend,
  type FileSystemBackendOptions,
} from "./compose/files.ts";
export { findRepository } from "./compose/find_repository.ts";
export { hookSource } from "./compose/hooks.ts";
export { defaultKernels } from "./compose/kernels.ts";
export { serveInetd, type ServeInetdOptions } from "./compose/inetd.ts";
export {
  MemoryRepository,
  type MemoryRepositoryOptions,
} from "./compose/memory.ts";
export {
  createHandler,
  type HandlerOptions,
  serveHttp,
  type ServeHttpOptions,
} from "./compose/http.ts";
export {
  type RunningServer,
  type ServedPlaces,
  type ServeOptions,
  type ServerAddress,
  startServer,
} from "./compose/server.ts";
export {
  type ExportedRepository,
  type ExportOptions,
  exportRepositories,
} from "./compose/export.ts";
export {
  infoRefs,
  objectsInfoPacks,
  updateServerInfo,
  type UpdateServerInfoOptions,
} from "./compose/server_info.ts";
export { serveTcp, type ServeTcpOptions } from "./compose/tcp.ts";
export { DictBackend } from "./server/dict_backend.ts";
export type { MemoryRepository as MemoryStore } from "./storage/memory/memory_repository.ts";
