/**
 * What every Listener and Connection must do, whatever runtime is under them.
 * The peers are plain `node:net` sockets in another process, so that a busy
 * loop here cannot hide a fault.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type {
  Connection,
  Listener,
  ListenOptions,
} from "../../src/core/host.ts";
import { after, before, describe, it } from "../support/test.ts";

/** What is tested. */
export interface ConnectionSubject {
  /** For titles. */
  readonly name: string;
  /** Where its connections come from; 127.0.0.1 unless told. */
  readonly place?: ListenOptions;
  /** Listens. */
  listen(options: ListenOptions): Promise<Listener>;
}

/** The things a peer can do; see `connection_peer.ts`. */
type PeerTask =
  | "slow-reader"
  | "half-close"
  | "reset"
  | "silent"
  | "flood"
  | "late-reader";

const PEER = fileURLToPath(new URL("./connection_peer.ts", import.meta.url));
const MIB = 1024 * 1024;

const LOOPBACK: ListenOptions = { hostname: "127.0.0.1", port: 0 };

/** Registers the suite for one subject. */
export function connectionContract(subject: ConnectionSubject): void {
  const { place = LOOPBACK } = subject;
  describe(`a connection of ${subject.name}`, () => {
    let listener: Listener;
    const peers: ChildProcess[] = [];
    before(async () => {
      listener = await subject.listen(place);
    });
    after(() => {
      listener.close();
      for (const peer of peers) peer.kill("SIGKILL");
    });

    async function meet(
      task: PeerTask,
    ): Promise<{ connection: Connection; report: Promise<string> }> {
      const isBun = process.versions.bun !== undefined;
      const args = isBun ? [] : ["run", "-A", "--quiet", "--no-lock"];
      const peer = spawn(
        process.execPath,
        [...args, PEER, task, listener.path ?? String(listener.port)].concat(
          listener.path === undefined ? [listener.hostname] : [],
        ),
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      peers.push(peer);
      let said = "";
      peer.stdout.setEncoding("utf8");
      peer.stdout.on("data", (text: string) => said += text);
      const report = new Promise<string>((resolve) =>
        peer.on("close", () => resolve(said.trim()))
      );
      const connection = await listener.accept();
      assert.ok(connection !== undefined, "nobody was accepted");
      return { connection, report };
    }

    it("says who is at the other end", async () => {
      const { connection } = await meet("silent");
      if ("path" in place) {
        assert.equal(connection.peer, "unix");
        assert.equal(connection.address, "");
      } else {
        const { hostname } = place;
        const name = hostname.includes(":") ? `[${hostname}]` : hostname;
        assert.equal(connection.peer.replace(/:\d+$/, ""), name);
        assert.match(connection.peer, /:\d+$/);
        assert.equal(connection.address, hostname);
      }
      connection.close();
    });

    it("brings 32 MiB to a slow reader, then FIN", async () => {
      const { connection, report } = await meet("slow-reader");
      const chunk = new Uint8Array(MIB);
      for (let i = 0; i < 32; i++) {
        chunk.fill(i);
        // The array is reused at once: write must be done with it.
        await connection.write(chunk);
      }
      await connection.closeWrite();
      assert.equal(await report, expectedReport(32));
      connection.close();
    });

    it("loses nothing that was written when it is closed", async () => {
      const { connection, report } = await meet("late-reader");
      await connection.write(new Uint8Array(MIB).fill(0));
      connection.close();
      assert.equal(await report, expectedReport(1));
    });

    it("answers a peer that has sent FIN", async () => {
      const { connection, report } = await meet("half-close");
      const asked = await readToEnd(connection);
      assert.equal(asked, "question");
      await connection.write(new TextEncoder().encode("answer"));
      await connection.closeWrite();
      assert.equal(await report, "answer");
      connection.close();
    });

    it("gives the end of input again and again", async () => {
      const { connection } = await meet("half-close");
      await readToEnd(connection);
      assert.equal(await connection.read(new Uint8Array(8)), 0);
      connection.close();
    });

    it("throws when it writes to a peer that has reset", async () => {
      const { connection } = await meet("reset");
      await assert.rejects(async () => {
        for (let i = 0; i < 200; i++) {
          await connection.write(new Uint8Array(MIB));
        }
      });
      connection.close();
    });

    it("may be closed and half-closed more than once", async () => {
      const { connection } = await meet("silent");
      await connection.closeWrite();
      await connection.closeWrite();
      connection.close();
      connection.close();
      await connection.closeWrite();
      await assert.rejects(connection.read(new Uint8Array(1)));
      await assert.rejects(connection.write(new Uint8Array(1)));
    });

    it("ends a waiting read when it is closed", async () => {
      const { connection } = await meet("silent");
      const read = connection.read(new Uint8Array(1));
      connection.close();
      await assert.rejects(read);
    });

    it("ends a waiting read by a signal, and can still write", async () => {
      const { connection, report } = await meet("slow-reader");
      const controller = new AbortController();
      const read = connection.read(new Uint8Array(1), controller.signal);
      controller.abort(new Error("enough"));
      await assert.rejects(read, /enough/);
      await connection.write(new Uint8Array(MIB).fill(0));
      await connection.closeWrite();
      assert.equal(await report, expectedReport(1));
      connection.close();
    });

    it("ends a waiting write by a signal, and is closed then", async () => {
      const { connection } = await meet("silent");
      const controller = new AbortController();
      const writing = (async () => {
        for (;;) await connection.write(new Uint8Array(MIB), controller.signal);
      })();
      writing.catch(() => {});
      await standstill(connection);
      controller.abort(new Error("enough"));
      await assert.rejects(writing, /enough/);
      await assert.rejects(connection.write(new Uint8Array(1)));
    });

    it("refuses to begin once the signal has aborted", async () => {
      const { connection } = await meet("silent");
      const signal = AbortSignal.abort(new Error("too late"));
      await assert.rejects(
        connection.read(new Uint8Array(1), signal),
        /too late/,
      );
      await assert.rejects(
        connection.write(new Uint8Array(1), signal),
        /too late/,
      );
      connection.close();
    });

    it("does not take in what nobody reads", async () => {
      const { connection, report } = await meet("flood");
      // The peer floods until its own socket takes no more for a second, and
      // tells how much it could send: the system's buffers, not our memory.
      const sent = Number(await report);
      assert.ok(sent > 0 && sent < 24 * MIB, `the peer could send ${sent}`);
      connection.close();
    });

    it("reads everything of a flood that paused", async () => {
      const { connection, report } = await meet("flood");
      const into = new Uint8Array(64 * 1024);
      let total = 0;
      while (total < 64 * MIB) {
        const count = await connection.read(into);
        assert.ok(count > 0, "the flood ended early");
        total += count;
      }
      connection.close();
      assert.ok(Number(await report) >= 64 * MIB);
    });
  });

  listenerContract(subject, place);
}

function listenerContract(
  subject: ConnectionSubject,
  place: ListenOptions,
): void {
  describe(`a listener of ${subject.name}`, () => {
    it("gives undefined to those who wait when it is closed", async () => {
      const listener = await subject.listen(place);
      assert.equal(listener.port > 0, !("path" in place));
      assert.equal(
        listener.hostname,
        "path" in place ? place.path : place.hostname,
      );
      const waiting = listener.accept();
      listener.close();
      listener.close();
      assert.equal(await waiting, undefined);
      assert.equal(await listener.accept(), undefined);
    });

    it("names a place that is taken as EADDRINUSE", async () => {
      const listener = await subject.listen(place);
      const { hostname, port } = listener;
      await assert.rejects(
        subject.listen("path" in place ? place : { hostname, port }),
        {
          name: "UsageError",
          code: "EADDRINUSE",
          message: `Could not bind to ${hostname}: Address already in use`,
        },
      );
      listener.close();
    });

    it("names a host that is none as ENOTFOUND", async () => {
      await assert.rejects(
        subject.listen({ hostname: "no.such.host.invalid", port: 0 }),
        { name: "UsageError", code: "ENOTFOUND" },
      );
    });
  });
}

function expectedReport(mebibytes: number): string {
  const sums = Array.from({ length: mebibytes }, (_, i) => i * MIB);
  const sum = sums.reduce((a, b) => a + b, 0);
  return `${mebibytes * MIB} bytes, sum ${sum}, end`;
}

async function readToEnd(connection: Connection): Promise<string> {
  const into = new Uint8Array(3);
  let text = "";
  for (;;) {
    const count = await connection.read(into);
    if (count === 0) return text;
    text += new TextDecoder().decode(into.subarray(0, count));
  }
}

/** Waits until nothing has been taken for a while. */
async function standstill(connection: Connection): Promise<void> {
  for (let last = -1; last !== connection.sent;) {
    last = connection.sent ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
