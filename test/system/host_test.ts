import assert from "node:assert/strict";
import { parseGpus } from "../../tasks/lib/system/host.ts";

Deno.test("parseGpus() reads what nvidia-smi lists", async (t) => {
  const a100 = { name: "NVIDIA A100-SXM4-80GB", memory: 81920, driver: "570.86.10", uuid: "GPU-1a" };
  const cases: [what: string, csv: string, gpus: unknown[]][] = [
    ["one", "NVIDIA A100-SXM4-80GB, 81920, 570.86.10, GPU-1a\n", [a100]],
    [
      "two, of another system's line ends",
      "NVIDIA A100-SXM4-80GB, 81920, 570.86.10, GPU-1a\r\nT4, 15360, 1, GPU-2\r\n",
      [
        a100,
        { name: "T4", memory: 15360, driver: "1", uuid: "GPU-2" },
      ],
    ],
    ["none", "No devices were found\n", []],
    ["nothing", "", []],
  ];
  for (const [what, csv, gpus] of cases) await t.step(what, () => assert.deepEqual(parseGpus(csv), gpus));
});
