/**
 * The host that a client says it means: virtual hosting. Types alone.
 *
 * @module
 */

/** The host that a client asked for. */
export interface AskedHost {
  /**
   * Its name in lower case, without slashes and dots where they could lead
   * elsewhere: a binary string, "" where none was said.
   */
  readonly name: string;
  /** The port as text, "" where none was said. */
  readonly port: string;
  /** Looks the name up, once. Bounded; never rejects. */
  look(): Promise<HostFacts>;
}

/** What the system's name service says of a host. */
export interface HostFacts {
  /** The canonical name; "" where it is not known. */
  readonly canonicalName: string;
  /** An address, version 4 if there is one; "" where it is not known. */
  readonly address: string;
}
