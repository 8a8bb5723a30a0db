/**
 * What the daemon's options ask of the system beside sockets and files:
 * accounts, privileges, the system's log, the background.
 *
 * @module
 */

export { findGroup, findUser, type UserAccount } from "../runtime/accounts.ts";
export {
  isInBackground,
  settleInBackground,
  startInBackground,
} from "../runtime/detach.ts";
export {
  cannotDropPrivileges,
  type Credentials,
  dropPrivileges,
} from "../runtime/privileges.ts";
export {
  hasSystemLog,
  openSystemLog,
  type SystemLog,
} from "../runtime/syslog.ts";
