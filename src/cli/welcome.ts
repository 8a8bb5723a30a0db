/**
 * The repository that is served where there is nothing else to serve, so that
 * the first command anyone types ends in a clone. It is the same every time.
 *
 * @module
 */

import type { MemoryRepository } from "../compose.ts";

const README = `# It works

You have cloned this from gitsrv, a Git server. It is kept in memory, since
there was no directory \`./repos\` where the server was started.

To serve your own, make a repository there and start the server again:

    git init --bare -b main ./repos/hello.git
    npm start -- ./repos      (or: gitsrv daemon ./repos)

Every repository below \`./repos\` is then served, read-only: push into it by its
path, or start the server with \`--allow-push\` and push to that:

    git push /path/to/repos/hello.git HEAD:main
    git push git://127.0.0.1/hello.git HEAD:main
    git clone git://127.0.0.1/hello.git

\`gitsrv help daemon\` lists the options.
`;

/** Fills an empty repository with one commit on its branch. */
export function fillWelcome(repository: MemoryRepository): void {
  const blob = repository.addBlob(README);
  const tree = repository.addTree([
    { mode: 0o100644, name: "README.md", oid: blob },
  ]);
  const commit = repository.addCommit({
    tree,
    author: { name: "gitsrv", email: "gitsrv@localhost", time: 1_767_225_600 },
    message: "Welcome to gitsrv\n",
  });
  repository.setRef("refs/heads/main", commit);
}
