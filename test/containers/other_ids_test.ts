/** Engines whose containers have other ids than this machine: Docker without root's rights, and with `userns-remap`. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { missingRemapped, missingRootless, remappedEngine, rootlessDocker } from "../support/elsewhere.ts";
import {
  IMAGE,
  makeProject,
  metrics,
  missingDocker,
  otherUser,
  REPORT,
  ROOT_USER,
  said,
  startAs,
  type User,
} from "../support/engines.ts";
import { ended, until } from "../support/project.ts";
import { socketPath } from "../support/docker.ts";
import { ask, findImage, freePort, listeners, tokenOf } from "../support/jupyter.ts";

const reason = await missingDocker() ?? (Deno.uid() === 0 ? undefined : "only root can become another user");

const noRootless = reason ?? missingRootless();

const noRemapped = reason ?? await missingRemapped();

for (const [kind, missing] of [["rootless Docker", noRootless], ["userns-remap", noRemapped]]) {
  if (missing !== undefined) console.log(`ignored: the test of ${kind}, since ${missing}`);
}

const group = (await Deno.stat(socketPath()).catch(() => undefined))?.gid;

const other = reason === undefined ? await otherUser(group ? [group] : []) : ROOT_USER;

/** Runs a step, and holds that its files and its record are the user's. */
async function runsAs(user: User, uid: number) {
  await using project = await makeProject(REPORT, user);
  const args = ["--engine", "docker", "--image", IMAGE];
  const { code, stderr } = await ended(startAs(user, project, "train", args));
  assert.equal(code, 0, stderr);
  const { uid: inside, cwd, home } = await metrics(project);
  assert.deepEqual([inside, cwd, home], [uid, project.root, true]);
  for (const path of ["train/metrics.json", "evidence.json"]) {
    const written = await Deno.stat(join(await project.run(), path));
    assert.deepEqual([written.uid, written.gid], [user.uid, user.gid], path);
  }
  const { run } = await project.evidence();
  const left = await said(
    ["docker", "ps", "--all", "--quiet", "--filter", `label=experiment.run=${run}`],
    user.env,
  );
  assert.equal(left, "");
}

/** Runs JupyterLab in the background, and holds that a file written by it is the user's. */
async function runsLab(user: User, image: string) {
  await using project = await makeProject(REPORT, user);
  const task = async (name: string, ...args: string[]) => {
    const { code, stdout, stderr } = await ended(startAs(user, project, name, args));
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };
  const port = freePort();
  const asked = ["--engine", "docker", "--image", image, "--port", String(port), "--detach"];
  const token = tokenOf(/http\S+token=\S+/.exec(await task("jupyter", ...asked))![0]);
  try {
    assert.equal((await ask(port, "/api/contents", { token: "no" })).status, 403);
    assert.equal((await ask(port, "/api/contents", { token })).status, 200);
    assert.deepEqual(await listeners(port), ["127.0.0.1"]);
    const body = { type: "file", format: "text", content: "written" };
    const { status } = await ask(port, "/api/contents/written.txt", { token, method: "PUT", body });
    assert.equal(status, 201);
    const { uid, gid } = await Deno.stat(project.path("written.txt"));
    assert.deepEqual([uid, gid], [user.uid, user.gid]);
  } finally {
    await task("stop");
  }
}

Deno.test({
  name: "docker, rootless: a step's files are the user's, ^C ends it, and no container is left",
  ignore: noRootless !== undefined,
  async fn(t) {
    const { engine, user } = await rootlessDocker(other, IMAGE);
    await using _engine = engine;
    // Root in a rootless container is the user.
    await t.step("train", () => runsAs(user, 0));
    await t.step("^C", async () => {
      await using project = await makeProject(
        "print('at work', flush=True)\nimport time\ntime.sleep(60)",
        user,
      );
      const child = startAs(user, project, "train", ["--engine", "docker", "--image", IMAGE]);
      const output = ended(child);
      await until("the step is at work", async () => {
        const run = await project.run().catch(() => "");
        return (await Deno.readTextFile(join(run, "log.txt")).catch(() => "")).includes("at work");
      });
      Deno.kill((await project.evidence()).attempts.at(-1).pid, "SIGINT");
      assert.equal((await output).code, 130);
      assert.equal(await said(["docker", "ps", "--all", "--quiet"], user.env), "");
    });
    await t.step("doctor says what it is", async () => {
      await using project = await makeProject(REPORT, user);
      const { stdout } = await ended(startAs(user, project, "doctor"));
      assert.match(stdout, /Docker Engine \d\S+ \(rootless\)/);
    });
    const lab = await findImage();
    if ("missing" in lab) console.log(`ignored: JupyterLab on rootless Docker, since ${lab.missing}`);
    else {
      await t.step(
        "JupyterLab answers on the loopback alone, and what is written in it is the user's",
        async () => {
          await engine.load(lab.image);
          await runsLab(user, lab.image);
        },
      );
    }
  },
});

Deno.test({
  name: "docker, userns-remap: a step's files are the user's; JupyterLab is refused with the remedy",
  ignore: noRemapped !== undefined,
  async fn(t) {
    await using engine = await remappedEngine();
    await engine.load(IMAGE);
    const host = { DOCKER_HOST: engine.socket };
    const [root, user] = [ROOT_USER, other].map((one) => ({ ...one, env: { ...one.env, ...host } }));
    await t.step("train by root", () => runsAs(root!, 0));
    await t.step("train by another user", () => runsAs(user!, user!.uid));
    await t.step("what a container wrote as root comes back", async () => {
      await using project = await makeProject(REPORT, user);
      await Deno.chmod(project.root, 0o777);
      await engine.said(
        "run",
        "--rm",
        "--volume",
        `${project.root}:/project`,
        IMAGE,
        "touch",
        "/project/new",
      );
      const { uid } = await Deno.stat(project.path("new"));
      assert.ok(uid! > 65535, `${uid}`);
      const { code, stderr } = await ended(
        startAs(user!, project, "fix-permissions", ["--engine", "docker", "--image", IMAGE]),
      );
      assert.equal(code, 0, stderr);
      assert.equal((await Deno.stat(project.path("new"))).uid, user!.uid);
    });
    await t.step("JupyterLab", async () => {
      await using project = await makeProject(REPORT, user);
      const args = ["--engine", "docker", "--image", IMAGE, "--detach"];
      const { code, stderr } = await ended(startAs(user!, project, "jupyter", args));
      assert.equal(code, 3, stderr);
      assert.match(
        stderr,
        /ids of their own \(userns-remap\)[^]*--engine host, or Podman, or rootless Docker/,
      );
    });
    await t.step("doctor says what it is", async () => {
      await using project = await makeProject(REPORT, user);
      const { stdout } = await ended(startAs(user!, project, "doctor"));
      assert.match(stdout, /Docker remaps user ids \(userns-remap\)/);
    });
    assert.equal(await engine.said("ps", "--all", "--quiet"), "");
  },
});
