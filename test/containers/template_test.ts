/** The dev container Template, published to a registry on this machine and applied by the real CLI. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { cliMissing, cliOf } from "../support/devcontainer.ts";
import { docker, missingEngine } from "../support/docker.ts";
import { Registry } from "../support/elsewhere.ts";
import { call } from "../support/engines.ts";
import { Project, ROOT } from "../support/project.ts";

/** In the place of the published CPU image: the same user and folders. */
const IMAGE = "digits-resnet:cpu";

/** jovyan's, since the CLI leaves that user's ids alone when root starts it. */
const OWNER = { uid: 1000, gid: 100 };

const scratch = await Project.make({});
addEventListener("unload", () => Deno.removeSync(scratch.root, { recursive: true }));

async function missing(): Promise<string | undefined> {
  if (!isOnPath("docker-registry")) return "there is no docker-registry; deno task machine installs it";
  return await cliMissing(scratch.root);
}

const reason = await missing();
if (reason !== undefined) console.log(`ignored: the dev container Template, since ${reason}`);

const cli = (...args: string[]) =>
  call([cliOf(scratch.root), ...args], {
    HOME: scratch.root,
    TMPDIR: scratch.root,
  });

/** A project that the Template was applied to, beside what is its own. */
async function applied(hardware: string): Promise<Project> {
  await using registry = await Registry.start();
  const host = registry.host.replace("127.0.0.1", "localhost"); // where the CLI does without TLS
  const published = await cli("templates", "publish", "-r", host, "-n", "a/b", join(ROOT, "src/gpu-jupyter"));
  assert.equal(published.code, 0, published.stderr);
  const project = await Project.make({ "train.py": "print('theirs')\n" });
  const id = `${host}/a/b/gpu-jupyter:latest`;
  const args = ["-w", project.root, "-t", id, "-a", JSON.stringify({ hardware })];
  const { code, stdout, stderr } = await cli("templates", "apply", ...args);
  assert.equal(code, 0, stderr);
  const { files }: { files: string[] } = JSON.parse(stdout);
  assert.deepEqual(
    files.toSorted(),
    ["compose.cpu.yaml", "compose.gpu.yaml", "compose.yaml", "devcontainer.json"].map((name) =>
      `./.devcontainer/${name}`
    ),
  );
  return project;
}

const composeFiles = async (project: Project): Promise<string[]> => {
  const text = await Deno.readTextFile(project.path(".devcontainer/devcontainer.json"));
  assert.doesNotMatch(text, /templateOption/);
  return JSON.parse(/"dockerComposeFile": (\[.*\])/.exec(text)![1]!);
};

const composeMissing = reason !== undefined || !isOnPath("docker-compose");
if (composeMissing) console.log("ignored: the Template's containers, since there is no docker-compose");

Deno.test("the Template for a GPU asks for all of them", { ignore: reason !== undefined }, async (t) => {
  await using project = await applied("gpu");
  const files = await composeFiles(project);
  assert.deepEqual(files, ["compose.yaml", "compose.gpu.yaml"]);
  await t.step({
    name: "as Compose reads it",
    ignore: composeMissing,
    async fn() {
      const named = files.flatMap((file) => ["-f", project.path(".devcontainer", file)]);
      const { code, stdout, stderr } = await call(["docker-compose", ...named, "config"]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /image: cschranz\/gpu-jupyter:/);
      assert.match(stdout, /capabilities:\n\s+- gpu\n\s+count: (?:all|-1)\n\s+driver: nvidia/);
    },
  });
});

const noContainer = reason ?? (composeMissing ? "there is no docker-compose" : await missingEngine()) ??
  ((await docker("image", "inspect", IMAGE)).code === 0 ? undefined : `there is no image ${IMAGE}`) ??
  (Deno.uid() === 0 ? undefined : "only root can make files of another user");
if (noContainer !== undefined) {
  console.log(`ignored: the Template's container on the CPU, since ${noContainer}`);
}

Deno.test("the Template for the CPU starts a container whose files are its user's", {
  ignore: noContainer !== undefined,
}, async () => {
  await using project = await applied("cpu");
  assert.deepEqual(await composeFiles(project), ["compose.yaml", "compose.cpu.yaml"]);
  const cpu = project.path(".devcontainer/compose.cpu.yaml");
  const text = (await Deno.readTextFile(cpu)).replace(/image: .*/, `image: ${IMAGE}`);
  await Deno.writeTextFile(cpu, `${text}    environment: { PIP_NO_INDEX: "1" }\n`);
  assert.equal((await call(["chown", "-R", `${OWNER.uid}:${OWNER.gid}`, project.root])).code, 0);
  const up = await cli("up", "--workspace-folder", project.root);
  try {
    assert.equal(up.code, 0, up.stdout + up.stderr);
    const script = "id -un && pwd && df -h /dev/shm | tail -1 && touch made";
    const { code, stdout, stderr } = await cli(
      "exec",
      "--workspace-folder",
      project.root,
      "sh",
      "-c",
      script,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^jovyan\n\/home\/jovyan\/work\nshm +8\.0G/);
    const { uid, gid } = await Deno.stat(project.path("made"));
    assert.deepEqual({ uid, gid }, OWNER);
  } finally {
    const { containerId, composeProjectName } = JSON.parse(up.stdout.trim().split("\n").at(-1) || "{}");
    if (containerId) await docker("rm", "--force", "--volumes", containerId);
    if (composeProjectName) await docker("network", "rm", `${composeProjectName}_default`);
  }
});
