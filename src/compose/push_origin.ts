/**
 * Who this process is, as reflogs and `.keep` files tell of it.
 *
 * @module
 */

import { once } from "../core/once.ts";
import { processId } from "../runtime/process.ts";
import {
  namesCommitter,
  type PushOrigin,
} from "../service/receive_pack/identity.ts";
import type { ConfigView } from "../storage/types.ts";

const accounts = once(() => import("../runtime/accounts.ts"));

/**
 * What is known of the process, given its environment. The account is asked
 * for where neither that nor a repository's configuration names a committer,
 * and once.
 */
export function pushOrigin(
  env: (name: string) => string | undefined,
): (config: ConfigView) => Promise<PushOrigin> {
  const fullName = once(async () => {
    const { accountName, fullNameOf } = await accounts();
    return await fullNameOf(accountName());
  });
  const mail = once(async () => {
    const { accountName, mailDomain } = await accounts();
    return `${accountName()}@${await mailDomain()}`;
  });
  return async (config) => {
    const { accountName, machineName } = await accounts();
    const name = env("GIT_COMMITTER_NAME");
    const email = env("GIT_COMMITTER_EMAIL");
    const date = env("GIT_COMMITTER_DATE");
    const given = env("EMAIL");
    const known = namesCommitter(config);
    return {
      ...(name === undefined ? {} : { name }),
      ...(email === undefined ? {} : { email }),
      ...(date === undefined ? {} : { date }),
      account: accountName(),
      fullName: name === undefined && !known.name ? await fullName() : "",
      mail: email !== undefined || known.email
        ? ""
        : given !== undefined && given !== ""
        ? given
        : await mail(),
      keep: `receive-pack ${processId()} on ${machineName()}`,
    };
  };
}
