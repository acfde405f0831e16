/** "Reopen in Container" as the real dev container CLI does it, from a checkout of another user than the image's. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { findPython } from "../../tasks/lib/environment/python.ts";
import { CPU, DevContainer, GPU, OWNER } from "../support/devcontainer.ts";
import { said } from "../support/docker.ts";
import { call, IMAGE, missingDocker, otherUser } from "../support/engines.ts";
import { ROOT } from "../support/project.ts";

const made = await DevContainer.make();

if (typeof made === "string") console.log(`ignored: the tests of the dev container, since ${made}`);

const container = made as DevContainer;

function devContainerTest(name: string, body: (t: Deno.TestContext) => Promise<void>) {
  Deno.test({ name, ignore: typeof made === "string", fn: body });
}

devContainerTest("both configurations are read, and differ in the image and the GPU alone", async () => {
  const [cpu, gpu] = await Promise.all([CPU, GPU].map(async (path) => {
    const { configuration, workspace } = await container.ask("read-configuration", path);
    const { name: _, build: __, configFilePath: ___, hostRequirements: ____, ...rest } = configuration;
    return { ...rest, workspace };
  }));
  assert.equal(cpu.remoteUser, "jovyan");
  assert.equal(cpu.workspace.workspaceFolder, "/home/jovyan/work");
  assert.deepEqual(cpu.runArgs, ["--shm-size=8g", "--group-add=100", "--no-healthcheck"]);
  assert.deepEqual(cpu.forwardPorts, Object.keys(cpu.portsAttributes).map(Number).toReversed());
  const { postStartCommand, runArgs, ...common } = gpu;
  assert.match(postStartCommand, /^nvidia-smi/);
  assert.deepEqual(runArgs, ["--gpus=all", ...cpu.runArgs]);
  common.customizations.vscode.settings["python.defaultInterpreterPath"] = "/opt/venv/bin/python";
  const { runArgs: _, ...plain } = cpu;
  assert.deepEqual(common, plain);
});

devContainerTest("build makes the image of the CPU configuration", async () => {
  const { outcome, imageName } = await container.ask("build", CPU);
  assert.equal(outcome, "success");
  assert.match(
    await said("image", "inspect", "--format", "{{.Config.Env}}", imageName[0]),
    /\/opt\/venv\/bin/,
  );
});

devContainerTest("up starts it as jovyan in the checkout", async () => {
  const { outcome, remoteUser, remoteWorkspaceFolder } = await container.ask("up", CPU);
  assert.deepEqual([outcome, remoteUser, remoteWorkspaceFolder], ["success", "jovyan", "/home/jovyan/work"]);
});

devContainerTest(
  "inside, jovyan has the ids of the checkout's owner, and group 100 beside them",
  async () => {
    const ids = await container.said("sh", "-c", "whoami; id -u; id -g; id -G; pwd; command -v python");
    const { uid, gid } = OWNER;
    const folders = ["/home/jovyan/work", "/opt/venv/bin/python"];
    assert.deepEqual(ids.split("\n"), ["jovyan", `${uid}`, `${gid}`, `${gid} 100`, ...folders]);
  },
);

devContainerTest("inside, an interactive shell completes deno", async () => {
  assert.match(await container.said("bash", "-ic", "complete -p deno"), /^complete .*deno/);
});

devContainerTest("inside, pip installs into the image's environment", async () => {
  const maker = join(ROOT, "test/fixtures/environment/make_wheels.py");
  const { path } = await findPython();
  await new Deno.Command(path, { args: [maker, container.project.path("wheelhouse/more")], stdout: "null" })
    .output();
  await container.said("pip", "install", "--no-index", "--find-links", "wheelhouse/more", "alpha==1.0");
  assert.match(await container.said("python", "-c", "import alpha; print(alpha.__file__)"), /^\/opt\/venv\//);
});

devContainerTest(
  "inside, train and infer use the image's own Python and say so in the evidence",
  async () => {
    // The host's environment lies in the checkout too, and does not run inside.
    await container.project.write(".venv/bin/python", "#!/bin/false\n");
    await Deno.chmod(container.project.path(".venv/bin/python"), 0o755);
    for (const task of ["train", "infer"]) {
      await container.said("deno", "task", task, "--epochs", "1");
      const { engine, attempts, steps } = await container.project.evidence("digits-resnet");
      assert.equal(engine.name, "host");
      assert.deepEqual(attempts[0].host.image, { name: "devcontainer:cpu", python: "/opt/venv/bin/python" });
      assert.match(attempts[0].code.commit, /^[0-9a-f]{40}$/);
      assert.equal(steps[task].status, "done");
      assert.equal(steps[task].command[0], "/opt/venv/bin/python");
    }
  },
);

devContainerTest("what was written inside belongs to the checkout's owner", async () => {
  await Deno.remove(container.project.path(".venv"), { recursive: true });
  assert.deepEqual(await container.strangers(), []);
});

devContainerTest("a host without a GPU does not end the lifecycle of the GPU configuration", async () => {
  const { configuration } = await container.ask("read-configuration", GPU);
  assert.match(await container.said("sh", "-c", configuration.postStartCommand), /^No GPU answers/);
});

/** A small image with a jovyan in it, which stands for the one that is built: Podman without root may copy each layer whole. */
const SMALL = `FROM ${IMAGE}
RUN useradd --uid 1000 --gid 100 --create-home jovyan && mkdir /home/jovyan/work
USER jovyan
`;

const podman = typeof made === "string" ? made : await missingPodman();

if (podman !== undefined) console.log(`ignored: the dev container on rootless Podman, since ${podman}`);

/** Why the dev container can't be tried on rootless Podman, if it can't. */
async function missingPodman(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "only root can become another user";
  if ((await call(["podman", "version"]).catch(() => undefined))?.code !== 0) return "there is no podman";
  const ranges = await Deno.readTextFile("/etc/subuid").catch(() => "");
  if (!ranges.includes("experiment-test:")) return "experiment-test has no range in /etc/subuid";
  return await missingDocker();
}

Deno.test({
  name: "on rootless Podman it starts as jovyan, and what is written inside is the user's",
  ignore: podman !== undefined,
  async fn() {
    const user = await otherUser([]);
    const root = user.env.PROJECT!;
    const asUser = (...argv: string[]) => call(user.as(argv), { ...user.env, NO_COLOR: "1" });
    const must = async (...argv: string[]) => {
      const { code, stdout, stderr } = await asUser(...argv);
      assert.equal(code, 0, `${argv.join(" ")}: ${stdout}${stderr.split("\n").slice(-30).join("\n")}`);
      return stdout.trim();
    };
    await container.project.write("small/Dockerfile", SMALL);
    await said("build", "--quiet", "--tag", "devcontainer-test:small", container.project.path("small"));
    const hand = 'docker save devcontainer-test:small | exec "$@"';
    const loaded = await call(["sh", "-c", hand, "sh", ...user.as(["podman", "load", "--quiet"])], user.env);
    assert.equal(loaded.code, 0, loaded.stderr);
    const { configuration } = await container.ask("read-configuration", CPU);
    const { build: _, configFilePath: __, ...rest } = configuration;
    // What is asked for has the other checkout's folder in it.
    const workspaceMount = rest.workspaceMount.replace(container.project.root, root);
    const config = join(root, ".devcontainer/podman/devcontainer.json");
    await Deno.mkdir(dirname(config));
    await Deno.writeTextFile(
      config,
      JSON.stringify({ ...rest, workspaceMount, image: "localhost/devcontainer-test:small" }),
    );
    const where = ["--docker-path", "podman", "--workspace-folder", root, "--config", config];
    try {
      const up = JSON.parse(await must(container.program, "up", ...where));
      assert.deepEqual([up.outcome, up.remoteUser], ["success", "jovyan"]);
      const inside = ["sh", "-c", "id -un; pwd; touch written-inside"];
      const seen = await must(container.program, "exec", ...where, ...inside);
      assert.deepEqual(seen.split("\n"), ["jovyan", "/home/jovyan/work"]);
      const { uid, gid } = await Deno.stat(join(root, "written-inside"));
      assert.deepEqual([uid, gid], [user.uid, user.gid]);
    } finally {
      await said("image", "rm", "devcontainer-test:small");
      await asUser("podman", "rm", "--all", "--force");
      await asUser("podman", "unshare", "rm", "-rf", join(user.env.HOME!, ".local/share/containers"));
    }
  },
});

devContainerTest("the container and its images can be removed", async () => {
  await container[Symbol.asyncDispose]();
});
