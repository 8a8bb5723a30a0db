/**
 * A TCP port that leads to a Unix domain socket: git's clients connect to TCP
 * alone.
 *
 * @module
 */

import { connect, createServer } from "node:net";

/** Runs `use` with a port of 127.0.0.1 that leads to the socket at `path`. */
export async function withRelay(
  path: string,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path, allowHalfOpen: true });
    const end = () => {
      near.destroy();
      far.destroy();
    };
    near.on("error", end).pipe(far);
    far.on("error", end).pipe(near);
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" ? address?.port ?? 0 : 0);
    })
  );
  try {
    await use(port);
  } finally {
    server.close();
  }
}
