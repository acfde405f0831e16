/** JupyterLab in a real Apptainer, in the experiment's CPU image. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { findProcesses } from "../../tasks/lib/system/processes.ts";
import { call, said } from "../support/engines.ts";
import { ask, findImage, freePort, listeners, tokenOf } from "../support/jupyter.ts";
import { experiment, Project } from "../support/project.ts";

/** What is missing for these tests, or the image. */
async function findBoth(): Promise<{ image: string } | { missing: string }> {
  const found = await call(["apptainer", "--version"]).catch(() => undefined);
  return found?.code === 0
    ? await findImage()
    : { missing: "there is no apptainer (deno task machine gets it)" };
}

const found = await findBoth();

if ("missing" in found) console.log(`ignored: the test of JupyterLab in Apptainer, since ${found.missing}`);

Deno.test({
  name: "JupyterLab in Apptainer answers with its token only, and stop leaves nothing of it",
  ignore: "missing" in found,
  async fn(t) {
    if ("missing" in found) return;
    await using project = await Project.make({ "experiment.yaml": experiment() });
    const env = {
      APPTAINER_CACHEDIR: project.path("cache"),
      XDG_STATE_HOME: project.path("state"),
      APPTAINERENV_JUPYTER_TOKEN: "leaked",
    };
    const port = freePort();
    const args = ["--engine", "apptainer", "--image", found.image, "--port", String(port)];
    const started = await project.task("run", [...args, "--detach", "--json"], env);
    assert.equal(started.code, 0, started.stderr);
    const { url, tokenFile, process } = JSON.parse(started.stdout);
    const token = tokenOf(url);
    const marked = () => findProcesses({ mark: `JUPYTER_TOKEN_FILE=${tokenFile}` });

    await t.step("the token is asked for, and is in no command line, environment or log", async () => {
      assert.equal((await ask(port, "/api/contents")).status, 403);
      assert.equal((await ask(port, "/api/contents", { token: "leaked" })).status, 403);
      assert.equal((await ask(port, "/api/contents", { token })).status, 200);
      const script = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
      const places = [await said(["sh", "-c", script]), await Deno.readTextFile(process.log)];
      places.forEach((text, index) => assert.ok(!text.includes(token), `place ${index}`));
    });
    await t.step("nothing listens on another address than the loopback's", async () => {
      assert.deepEqual(await listeners(port), ["127.0.0.1"]);
    });
    await t.step("it serves the project and writes into it", async () => {
      const body = { type: "file", format: "text", content: "one" };
      const { status } = await ask(port, "/api/contents/new.txt", { token, method: "PUT", body });
      assert.equal(status, 201);
      assert.equal(await Deno.readTextFile(project.path("new.txt")), "one");
    });
    await t.step("status names the image, and shell is in it", async () => {
      const status = await project.task("status", [], env);
      assert.match(status.stdout, new RegExp(`JupyterLab in apptainer has run .*image ${found.image}`));
      const { stdout } = await project.task("shell", ["--", "sh", "-c", "command -v python; pwd"], env);
      assert.deepEqual(stdout.split("\n").slice(0, 2), ["/opt/venv/bin/python", project.root]);
    });
    await t.step("stop ends it with its kernels and removes its folder", async () => {
      await ask(port, "/api/kernels", { token, method: "POST", body: { name: "python3" } });
      assert.ok((await marked()).length > 1);
      const { code, stdout } = await project.task("stop", [], env);
      assert.equal(code, 0);
      assert.match(stdout, /Stopped JupyterLab in apptainer/);
      assert.deepEqual(await marked(), []);
      await assert.rejects(Deno.stat(join(dirname(tokenFile), "scratch")));
    });
    await t.step("what needs a container is refused", async () => {
      const { code, stderr } = await project.task("run", [...args, "--sudo"], env);
      assert.equal(code, 2);
      assert.match(stderr, /--sudo needs a container engine, and JupyterLab would be your own process/);
    });
  },
});
