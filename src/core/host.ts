/**
 * What the core asks of the machine under it, as types alone. The
 * implementations live in `runtime/`; tests bring their own.
 *
 * @module
 */

/** One open byte stream to a peer: a TCP connection, or stdin and stdout. */
export interface Connection {
  /** Who is at the other end, for the log: "127.0.0.1:51234", or "stdio". */
  readonly peer: string;
  /** The peer's address without a port, "" where there is none. */
  readonly address: string;
  /**
   * Bytes that the kernel has taken so far, parts of a write under way
   * included: how a time limit tells a slow reader from one that stopped.
   * Absent where nobody counts.
   */
  readonly sent?: number;
  /**
   * Reads at least one byte into `into`; resolves to the count, or to 0 at the
   * peer's end of input. A half-closed peer still gets its answer. Throws the
   * signal's reason when `signal` aborts, and the runtime's error when the
   * connection is reset.
   */
  read(into: Uint8Array, signal?: AbortSignal): Promise<number>;
  /**
   * Writes all of `bytes`; resolves when the kernel has taken them, which is
   * the backpressure. `bytes` may be reused afterwards. At most one write is
   * under way at a time. Throws as {@linkcode Connection.read}.
   */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /**
   * Says that nothing is waited for any more, so that time limits do not
   * count. Only where a connection reads ahead of those who ask.
   */
  hold?(): void;
  /** Sends our end of output and keeps reading possible. Idempotent. */
  closeWrite(): Promise<void>;
  /** Drops the connection at once; pending calls throw. Idempotent. */
  close(): void;
}

/** A listening socket. */
export interface Listener {
  /** The address it is bound to; the path of a Unix domain socket. */
  readonly hostname: string;
  /**
   * The port it is bound to, also when port 0 was asked for; 0 for a Unix
   * domain socket.
   */
  readonly port: number;
  /** The path of a Unix domain socket; absent on TCP. */
  readonly path?: string;
  /**
   * The next connection, or `undefined` once closed. Errors that concern one
   * connection or pass by (EMFILE) are retried inside, with a pause.
   */
  accept(): Promise<Connection | undefined>;
  /** Stops listening; connections that were accepted live on. Idempotent. */
  close(): void;
}

/** Where and how to listen. */
export type ListenOptions = TcpListenOptions | UnixListenOptions;

/** Where to listen: a Unix domain socket. */
export interface UnixListenOptions {
  /**
   * Its path, absolute. A socket there that nobody listens on is replaced;
   * anything else is in the way. It is removed when the listener is closed.
   */
  readonly path: string;
  /** Who may connect: the file's mode. */
  readonly mode: number;
}

/** Where and how to listen on TCP. */
export interface TcpListenOptions {
  /** An address or a host name. */
  readonly hostname: string;
  /** A TCP port; 0 lets the system choose. */
  readonly port: number;
  /** Take the address even while old connections to it linger. */
  readonly reuseAddress?: boolean;
}

/** What a path is, as far as we ask. */
export interface FileStat {
  /** The kind of thing; "other" is a FIFO, a socket or a device. */
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Bytes. */
  readonly size: number;
  /** Last change of content, milliseconds since 1970 (may have fractions). */
  readonly mtimeMs: number;
  /** Last change of content or inode, milliseconds since 1970. */
  readonly ctimeMs: number;
  /** Inode number. */
  readonly ino: number;
  /** Device number. */
  readonly dev: number;
  /** The owner's user id; -1 where the system has none. */
  readonly uid: number;
  /** The permission bits, where the system has them. */
  readonly mode?: number;
}

/** One open file, read at positions. Synchronous: see {@linkcode FileSystem}. */
export interface OpenFile {
  /** Size at the time it was opened. */
  readonly size: number;
  /**
   * Reads up to `into.length` bytes at `position`; returns how many, fewer
   * only at the end of the file. Throws a StorageError on I/O failure.
   */
  readAt(into: Uint8Array, position: number): number;
  /** Closes it. Idempotent. */
  close(): void;
}

/**
 * The part of a file system that reading repositories takes. Synchronous: a
 * positional read of cached bytes costs 2 us, any asynchronous form 11 to 27,
 * and walks make hundreds of thousands of them.
 *
 * Paths are absolute and are text: where a directory holds names that are not
 * UTF-8, {@linkcode FileSystem.list} reports their number and leaves them out
 * on runtimes that cannot open them.
 *
 * "Not there" (ENOENT, ENOTDIR, and ELOOP) is `undefined`; everything else
 * throws a StorageError whose code is the system's ("EACCES", "EIO").
 */
export interface FileSystem {
  /** What `path` is, following symlinks. */
  stat(path: string): FileStat | undefined;
  /** What `path` itself is, not following a symlink at its end. */
  lstat(path: string): FileStat | undefined;
  /** `path` with every symlink resolved. */
  realPath(path: string): string | undefined;
  /** The target of a symlink, as written; `undefined` if it is none. */
  readLink(path: string): string | undefined;
  /** The names in a directory, without "." and "..", in no order. */
  list(path: string): DirectoryList | undefined;
  /**
   * The same names in the order in which the directory holds them, which is
   * that of readdir(3). Absent where there is no such order.
   */
  listStored?(path: string): readonly string[] | undefined;
  /**
   * The whole of a regular file of at most `limit` bytes. Never blocks on a
   * FIFO or a device: what is not a regular file throws StorageError
   * "not-a-file"; larger ones throw "file-too-large".
   */
  read(path: string, limit: number): Uint8Array<ArrayBuffer> | undefined;
  /** Opens a regular file for positional reads; FIFOs as in `read`. */
  open(path: string): OpenFile | undefined;
}

/** The names in a directory. */
export interface DirectoryList {
  /** The names that can be opened. */
  readonly names: readonly string[];
  /** How many names were left out because they are not UTF-8. */
  readonly unreadable: number;
}

/** Time and turns of the event loop. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never run backwards. */
  monotonic(): number;
  /** Resolves after the event loop has served what was waiting. */
  turn(): Promise<void>;
}

/** One end of a channel between two threads of this process. */
export interface MessagePortLike {
  /** Sends what can be cloned; `transfer` lists buffers that are given away. */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Ends the thread at once. Idempotent. */
  close(): void;
}

/** What a thread is heard by. */
export interface WorkerHandlers {
  /** Takes what the thread sent. */
  onMessage(message: unknown): void;
  /** Hears that the thread failed; it is of no use any more. */
  onError(why: string): void;
}
