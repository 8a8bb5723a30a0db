import assert from "node:assert/strict";
import { StorageError } from "../../../../src/core/errors.ts";
import {
  httpSettings,
  isServed,
} from "../../../../src/server/http/settings.ts";
import { withSettings } from "../../../../src/server/service_settings.ts";
import { type ServiceRow, SERVICES } from "../../../../src/server/services.ts";
import { configView } from "../../../../src/storage/files/config.ts";
import { describe, it } from "../../../support/test.ts";

type Pairs = Parameters<typeof configView>[0];

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
