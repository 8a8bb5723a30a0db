/**
 * A Git server as a library: serve repositories on disk, in memory, or of your
 * own making, over git://, HTTP or a pair of streams, on Deno and on Bun.
 *
 * @example Serve what is below a directory until a signal says stop
 * ```ts
 * import { FileSystemBackend, serveTcp } from "@gitsrv/gitsrv";
 *
 * const stop = new AbortController();
 * const server = await serveTcp({
 *   backend: new FileSystemBackend("./repos"),
 *   port: 0,
 *   signal: stop.signal,
 * });
 * stop.abort();
 * await server.finished;
 * ```
 *
 * @module
 */

export {
  createHandler,
  DictBackend,
  type ExportedRepository,
  type ExportOptions,
  exportRepositories,
  FileAccess,
  type FileAccessOptions,
  FileSystemBackend,
  type FileSystemBackendOptions,
  type HandlerOptions,
  infoRefs,
  MemoryRepository,
  type MemoryRepositoryOptions,
  type MemoryStore,
  objectsInfoPacks,
  type RunningServer,
  serveCommand,
  type ServeCommandOptions,
  serveHttp,
  type ServeHttpOptions,
  type ServeOptions,
  type ServerAddress,
  serveTcp,
  type ServeTcpOptions,
  updateServerInfo,
  type UpdateServerInfoOptions,
} from "./src/compose.ts";
export type { LogFields, Logger, LogLevel } from "./src/core/logger.ts";
export { NumberList } from "./src/core/number_list.ts";
export { ObjectSet } from "./src/core/object_set.ts";
export { type ObjectFormat, type Oid, SHA1, SHA256 } from "./src/core/oid.ts";
export type { RefName } from "./src/core/ref_name.ts";
export {
  GitsrvError,
  ProtocolError,
  RefusedError,
  StorageError,
  UsageError,
} from "./src/core/errors.ts";
export type {
  FamilyMaker,
  FamilyNode,
  FamilyStep,
  FamilyWalk,
  Hash,
  IndexColumns,
  IndexVerdict,
  Inflated,
  InflateStep,
  InflateStream,
  Kernels,
  MadeObjects,
  PackScanner,
  PackWalker,
  PackWalkerInit,
  PeeledForm,
  RefLines,
  ScannedEntries,
  SortedIds,
  WalkedPack,
} from "./src/kernels/types.ts";
export type {
  CheckedObject,
  FinishOptions,
  GatheredFindings,
  ObjectChecker,
} from "./src/object/fsck/checker.ts";
export type { FsckLevel, FsckRules } from "./src/object/fsck/rules.ts";
export type {
  AccessKind,
  AccessPolicy,
  AccessRules,
  Credentials,
  Identity,
} from "./src/server/access/types.ts";
export type { TlsPair } from "./src/core/http_host.ts";
export type { RulesOfPushing } from "./src/server/access/rules.ts";
export type {
  Authorization,
  Authorize,
  HttpService,
} from "./src/server/http/types.ts";
export type { Kind } from "./src/object/kind.ts";
export type { Limits } from "./src/server/limits.ts";
export type {
  ServiceChange,
  ServiceSetting,
} from "./src/server/service_settings.ts";
export type {
  PushCallbacks,
  PushEvent,
  PushFacts,
} from "./src/service/receive_pack/push_events.ts";
export type { PushedRef } from "./src/service/receive_pack/push_hooks.ts";
export type {
  FindReached,
  IntakeLimits,
  IntakeProgress,
  PackInput,
  PendingChecks,
  Quarantine,
  QuarantineOptions,
  ReceivedPack,
  ReceiveOptions,
  RefFailure,
  RefObserver,
  RefPhase,
  RefTransactionOptions,
  RefUpdate,
  RefWriter,
  RepositoryWriter,
  ServerInfoFile,
  ServerInfoOptions,
  ServerInfoOutcome,
} from "./src/storage/writes.ts";
export { expandNamespace } from "./src/service/namespaces.ts";
export type { ServiceLimits, SessionTerms } from "./src/service/types.ts";
export type {
  ExposureRules,
  FriendlyRules,
  GitRules,
} from "./src/storage/files/exposure.ts";
export type { SearchMode } from "./src/storage/files/layout.ts";
export type {
  NewCommit,
  NewTag,
  NewTreeEntry,
  Person,
} from "./src/storage/memory/memory_objects.ts";
export type { MemoryRepositoryInit } from "./src/storage/memory/memory_repository.ts";
export type { PlainConfigValues } from "./src/storage/memory/plain_config.ts";
export type {
  ObjectStoreOptions,
  PackTableCache,
} from "./src/storage/objects/options.ts";
export type { PackTables } from "./src/pack/tables.ts";
export type {
  PlainFile,
  PlainFiles,
  PlainName,
} from "./src/storage/plain_files.ts";
export type {
  AskedHost,
  Backend,
  ConfigView,
  Head,
  HostFacts,
  KindLists,
  NewRepository,
  ObjectData,
  ObjectGraph,
  ObjectStore,
  PackBytes,
  PackPlan,
  PackRequest,
  PathRoots,
  ReachBitmaps,
  ReachedSet,
  RefRecord,
  RefRun,
  RefSnapshot,
  Repository,
  RepositoryAddress,
  Snapshot,
  SnapshotWeight,
  StoredDelta,
  TreeEntries,
} from "./src/storage/types.ts";
