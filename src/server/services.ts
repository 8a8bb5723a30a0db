/**
 * The services that a git:// request can name, one row each: daemon.c,
 * `daemon_service`. A service that is not served yet has no `run` and stays
 * "not enabled", whatever a repository's configuration says.
 *
 * @module
 */

import { uploadPack } from "../service/upload_pack/service.ts";
import type { Service } from "../service/types.ts";
import type { ServiceName } from "../wire/git_request.ts";

/** One service. */
export interface ServiceRow {
  /** As requests spell it, behind "git-". */
  readonly name: ServiceName;
  /** Key in a repository's configuration: "daemon.uploadpack". */
  readonly configKey: string;
  /** The same for HTTP: "http.uploadpack". */
  readonly httpKey: string;
  /** Whether it is served where the repository says nothing. */
  readonly isEnabled: boolean;
  /**
   * Whether the operator has said that it is not, which then holds for
   * everybody; unsaid, clients who are known may have what others may not.
   */
  readonly isDisabled?: boolean;
  /** Whether the repository's configuration can change that. */
  readonly isOverridable: boolean;
  /** The service itself. */
  readonly run?: Service;
}

/** git daemon's services with git daemon's defaults. */
export const SERVICES: readonly ServiceRow[] = [
  {
    name: "upload-archive",
    configKey: "daemon.uploadarch",
    httpKey: "http.uploadarchive",
    isEnabled: false,
    isOverridable: true,
    run: async (context) => {
      // Loaded when somebody asks for it: others start without.
      const loaded = await import("../service/upload_archive/service.ts");
      await loaded.uploadArchive(context);
    },
  },
  {
    name: "upload-pack",
    configKey: "daemon.uploadpack",
    httpKey: "http.uploadpack",
    isEnabled: true,
    isOverridable: true,
    run: uploadPack,
  },
  {
    name: "receive-pack",
    configKey: "daemon.receivepack",
    httpKey: "http.receivepack",
    isEnabled: false,
    isOverridable: true,
    run: async (context) => {
      const loaded = await import("../service/receive_pack/service.ts");
      await loaded.receivePack(context);
    },
  },
];
