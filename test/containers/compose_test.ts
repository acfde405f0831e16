/** docker-compose.yml by the real Docker Compose, on the CPU image: who may reach it, who it runs as, where its token is. */

import assert from "node:assert/strict";
import { docker, missingEngine, said } from "../support/docker.ts";
import { freePort } from "../support/elsewhere.ts";
import { Project, ROOT, until } from "../support/project.ts";

const IMAGE = "digits-resnet:cpu";

const reason = await missing();

if (reason !== undefined) console.log(`ignored: the test of docker-compose.yml, since ${reason}`);

async function missing(): Promise<string | undefined> {
  const engine = await missingEngine();
  if (engine !== undefined) return engine;
  if (Deno.uid() !== 0) return "only root can make files of another user";
  if ((await docker("compose", "version")).code !== 0) return "the docker client has no compose";
  if ((await docker("image", "inspect", IMAGE)).code === 0) return undefined;
  return `there is no image ${IMAGE}: deno task build --cpu`;
}

Deno.test({
  name: "docker-compose.yml starts JupyterLab on the loopback as the user, with the token of the file",
  ignore: reason !== undefined,
  async fn() {
    const token = crypto.randomUUID();
    await using project = await Project.make({
      "jupyter-token": token,
      "docker-compose.yml": await Deno.readTextFile(`${ROOT}/docker-compose.yml`),
      // There is no GPU where tests run.
      "cpu.yml": "services: { jupyter: { deploy: !reset null } }\n",
    });
    for (const path of [".", "jupyter-token"]) await Deno.chown(project.path(path), 1234, 5678);
    await Deno.chmod(project.path("jupyter-token"), 0o600);
    const port = freePort();
    const variables = { IMAGE, NB_UID: "1234", NB_GID: "5678", PORT: String(port) };
    await project.write(
      ".env",
      Object.entries(variables).map(([name, value]) => `${name}=${value}\n`).join(""),
    );
    const files = ["docker-compose.yml", "cpu.yml"].flatMap((name) => ["--file", project.path(name)]);
    const compose = (...args: string[]) => said("compose", ...files, ...args);
    const ask = (headers = {}) => fetch(`http://127.0.0.1:${port}/api/contents`, { headers });
    await compose("up", "--detach");
    try {
      await until(
        "JupyterLab answers",
        async () => await (await ask().catch(() => undefined))?.text() !== undefined,
        90,
      );
      const refused = await ask();
      await refused.body?.cancel();
      const allowed = await ask({ authorization: `token ${token}` });
      await allowed.body?.cancel();
      assert.deepEqual([refused.status, allowed.status], [403, 200]);
      assert.ok(!(await compose("logs")).includes(token));
      const id = await compose("ps", "--quiet");
      const ports = JSON.parse(await said("inspect", "--format", "{{json .NetworkSettings.Ports}}", id));
      assert.deepEqual(ports["8888/tcp"].map(({ HostIp }: { HostIp: string }) => HostIp), ["127.0.0.1"]);
      assert.ok(!(await said("inspect", "--format", "{{json .Config}}", id)).includes(token));
      await compose("exec", "-T", "jupyter", "touch", "written");
      const { uid, gid } = await Deno.stat(project.path("written"));
      assert.deepEqual([uid, gid], [1234, 5678]);
    } finally {
      await compose("down");
    }
  },
});
