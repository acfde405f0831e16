/** What a step's own settings become on an engine's command line. */

import assert from "node:assert/strict";
import { engineCommand, engineOf } from "../../tasks/lib/engine/index.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import { makePlan } from "../../tasks/lib/plan/make_plan.ts";
import { HOST, planRequest } from "../support/plan_request.ts";

const TEXT = `name: test
environment: { gpus: all }
steps:
  train:
    run: [python, train.py]
    cwd: sub
    env: { THREADS: 2 }
    secrets: [MY_TOKEN]
    gpus: none
    tty: true
`;

const GPU = { name: "A100", uuid: "GPU-1", driver: "580" };

function planFor(name: "docker" | "podman" | "nerdctl" | "apptainer" | "host") {
  return makePlan(parseExperiment(TEXT, "/project/experiment.yaml", "/project"), {
    ...HOST,
    gpus: [GPU as unknown as (typeof HOST)["gpus"][number]],
  }, {
    ...planRequest(TEXT),
    steps: ["train"],
    engine: { name, because: "asked for", version: "28.0.0" },
    ...(name !== "host" && {
      container: {
        image: { name: "image", id: "sha256:1", file: "/image.sif" },
        entrypoint: [],
        user: "1000:1000",
        keepId: false,
      },
    }),
  });
}

for (const name of ["docker", "podman", "nerdctl", "apptainer", "host"] as const) {
  Deno.test(`${name}: a secret's value is on no command line, and gpus, cwd and tty are the step's`, async () => {
    Deno.env.set("MY_TOKEN", "hunter2-hunter2");
    try {
      const plan = await planFor(name);
      const step = plan.steps[0]!;
      const argv = await engineCommand(plan, step);
      assert.ok(!JSON.stringify([plan, argv]).includes("hunter2"));
      assert.ok(argv.includes("--terminal"));
      assert.ok(!argv.some((part) => /^(?:--gpus|--nv|nvidia\.com)/.test(part)), argv.join(" "));
      assert.equal(step.cwd, "/project/sub");
      if (name === "host") return assert.equal(step.env.CUDA_VISIBLE_DEVICES, "");
      assert.ok(argv.includes("/project/sub"));
      if (name === "apptainer") {
        const { env } = await (await engineOf(name)).runtime(plan, step);
        return assert.equal(env.APPTAINERENV_MY_TOKEN, "hunter2-hunter2");
      }
      assert.equal(argv[argv.indexOf("MY_TOKEN") - 1], "--env");
      assert.ok(argv.includes("THREADS=2"));
    } finally {
      Deno.env.delete("MY_TOKEN");
    }
  });
}
