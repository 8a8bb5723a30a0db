import assert from "node:assert/strict";
import { StorageError } from "../../../../src/core/errors.ts";
import { withGrant } from "../../../../src/server/access/decide.ts";
import {
  httpSettings,
  isServed,
} from "../../../../src/server/http/settings.ts";
import { withSettings } from "../../../../src/server/service_settings.ts";
import { type ServiceRow, SERVICES } from "../../../../src/server/services.ts";
import { configView } from "../../../../src/storage/files/config.ts";
import { describe, it } from "../../../support/test.ts";

type Pairs = Parameters<typeof configView>[0];

/** What a rule says. */
const ALLOWED = true;

/** Who gets which services: "nobody: upload-pack; ada: ...". */
function served(
  pairs: Pairs,
  rows: readonly ServiceRow[] = SERVICES,
): string {
  const settings = httpSettings(configView(pairs), rows);
  return [undefined, "ada"].map((user) =>
    rows.filter((row) => isServed(row, settings, user))
      .map(({ name }) => name).join(" ")
  ).join(" | ");
}

describe("settings of HTTP", () => {
  it("give fetches to all, and the rest to those who have said who they are", () => {
    assert.equal(
      served([]),
      "upload-pack | upload-archive upload-pack receive-pack",
    );
  });

  it("are what a repository says", () => {
    assert.equal(
      served([
        ["http.uploadpack", "false"],
        ["http.receivepack", "true"],
        ["http.uploadarchive", "no"],
      ]),
      "receive-pack | receive-pack",
    );
  });

  it("are not, where the operator forbids it", () => {
    const rows = withSettings(SERVICES, [
      { service: "upload-pack", change: "forbid-override" },
      { service: "receive-pack", change: "forbid-override" },
      { service: "upload-archive", change: "enable" },
    ]);
    assert.equal(
      served([["http.uploadpack", "false"], ["http.receivepack", "1"]], rows),
      "upload-archive upload-pack | upload-archive upload-pack",
    );
  });

  it("are not for those who are known either, where the operator says so", () => {
    const disabled = [
      { service: "receive-pack", change: "disable" },
      { service: "upload-archive", change: "disable" },
    ] as const;
    const rows = withSettings(SERVICES, disabled);
    assert.equal(served([], rows), "upload-pack | upload-pack");
    // It is no more than a default: what a repository says goes first.
    assert.equal(
      served([["http.receivepack", "true"]], rows),
      "upload-pack receive-pack | upload-pack receive-pack",
    );
    const forgotten = withSettings(rows, [
      { service: "receive-pack", change: "enable" },
    ]);
    assert.equal(
      served([], forgotten),
      "upload-pack receive-pack | upload-pack receive-pack",
    );
    // Nor do rules give it.
    const [receive] = rows.filter(({ name }) => name === "receive-pack");
    assert.ok(receive !== undefined && !withGrant(receive, ALLOWED).isEnabled);
  });

  it("fail for a value that cannot be understood, whatever is asked for", () => {
    for (
      const pair of [
        ["http.getanyfile", "perhaps"],
        ["http.uploadpack", "perhaps"],
        ["http.receivepack", "2x"],
        ["http.uploadarchive", "?"],
        ["http.maxrequestbuffer", "lots"],
        ["http.maxrequestbuffer", "-1"],
      ] as const
    ) assert.throws(() => served([pair]), StorageError, pair.join("="));
  });

  it("bound requests by 10 MiB unless told", () => {
    const of = (pairs: Pairs) =>
      httpSettings(configView(pairs), SERVICES).maxRequestBuffer;
    assert.equal(of([]), 10 * 1024 * 1024);
    assert.equal(of([["http.maxrequestbuffer", "2k"]]), 2048);
  });
});
