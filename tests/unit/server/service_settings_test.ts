import assert from "node:assert/strict";
import {
  type ServiceSetting,
  withSettings,
} from "../../../src/server/service_settings.ts";
import { describe, it } from "../../support/test.ts";
import { fakeService } from "./fakes.ts";

const { run: _, ...unserved } = fakeService({ name: "receive-pack" });
const ROWS = [fakeService(), { ...unserved, isEnabled: false }];

function after(...settings: readonly ServiceSetting[]): unknown[] {
  return withSettings(ROWS, settings).map(({ isEnabled, isOverridable }) => [
    isEnabled,
    isOverridable,
  ]);
}

describe("settings of services", () => {
  it("change one service each, and the last one counts", () => {
    const service = "upload-pack";
    assert.deepEqual(after(), [[true, true], [false, true]]);
    assert.deepEqual(
      after({ service, change: "disable" }, {
        service,
        change: "forbid-override",
      }),
      [[false, false], [false, true]],
    );
    assert.deepEqual(
      after({ service, change: "disable" }, { service, change: "enable" }),
      [[true, true], [false, true]],
    );
  });

  it("cannot name what git has not, or enable what is not served", () => {
    for (const service of ["git-upload-pack", "", "UPLOAD-PACK"]) {
      assert.throws(() => after({ service, change: "disable" }), {
        name: "UsageError",
        message: `No such service ${service}`,
      });
    }
    const service = "receive-pack";
    assert.throws(() => after({ service, change: "enable" }), {
      message: "cannot enable receive-pack: it is not served yet",
    });
    assert.ok(after({ service, change: "allow-override" }));
  });
});
