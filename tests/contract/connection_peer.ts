/**
 * The other end for `connection.ts`: does one task against a port of a host,
 * or against a Unix domain socket, prints what it saw, and ends.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import process from "node:process";

// Less than any socket takes at once.
const CHUNK = new Uint8Array(64 * 1024);

const TASKS: Readonly<Record<string, (socket: Socket) => void>> = {
  "slow-reader": (socket) => {
    listen(socket);
    // Slow at first, so that the system's buffers fill up.
    let pauses = 20;
    const timer = setInterval(() => {
      if (pauses-- === 0) clearInterval(timer);
      if (socket.isPaused()) socket.resume();
      else if (pauses > 0) socket.pause();
    }, 20);
  },
  "late-reader": (socket) => {
    socket.pause();
    setTimeout(() => listen(socket), 300);
  },
  "half-close": (socket) => {
    let text = "";
    socket.on("data", (bytes) => text += bytes.toString());
    socket.on("end", () => finish(text));
    socket.end("question");
  },
  "reset": (socket) => {
    socket.pause();
    setTimeout(() => {
      socket.resetAndDestroy();
      finish("reset");
    }, 50);
  },
  "silent": (socket) => {
    socket.pause();
    // A paused socket does not keep the process.
    setTimeout(() => finish("silent"), 60_000);
  },
  "flood": (socket) => {
    let sent = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const give = () => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(String(sent)), 1000);
      socket.write(CHUNK, (error) => {
        if (error) return;
        sent += CHUNK.length;
        give();
      });
    };
    socket.on("close", () => finish(String(sent)));
    give();
  },
};

function listen(socket: Socket): void {
  let count = 0;
  let sum = 0;
  socket.on("data", (bytes: Buffer) => {
    count += bytes.length;
    for (const byte of bytes) sum += byte;
  });
  socket.on("end", () => finish(`${count} bytes, sum ${sum}, end`));
  socket.on("error", () => finish(`${count} bytes, sum ${sum}, error`));
  socket.resume();
}

function finish(report: string): void {
  process.stdout.write(`${report}\n`, () => process.exit(0));
}

const [task, place = "", host = ""] = process.argv.slice(2);
const socket = connect({
  ...(place.startsWith("/") ? { path: place } : { port: Number(place), host }),
  allowHalfOpen: true,
});
socket.on("error", () => {});
socket.on("connect", () => TASKS[task ?? ""]?.(socket));
