/** Evidence of a run that never was, for tests of how runs are found and read. */

import type { Evidence } from "../../tasks/lib/record/evidence.ts";

export function madeEvidence(changes: Partial<Evidence> = {}): Evidence {
  const host = {
    ...{ name: "made", os: "linux", kernel: "6.1", architecture: "x64", cpu: "made", cores: 2, memory: 1e9 },
    ...{ gpus: [], deno: "2.9.6" },
  };
  const time = "2026-01-01T00:00:00.000Z";
  return {
    ...{ schema: 1, run: "made", task: "reproduce", status: "done", created: time, ended: time },
    experiment: { name: "test" },
    planSha256: "0".repeat(64),
    engine: { name: "host", because: "a test says so" },
    ...{ parameters: {}, changed: [], onlyParameters: true },
    attempts: [{
      ...{ started: time, ended: time, status: "done", pid: 1, host, variables: {} },
      environment: { python: "/usr/bin/python3", gpus: "none" },
      code: { files: {}, sha256: "0".repeat(64), dirty: [] },
    }],
    steps: {},
    ...changes,
  };
}
