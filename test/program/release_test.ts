/** What the release workflow does, as far as it can be done without publishing. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { makePackages } from "../support/installations.ts";
import { ended, ROOT } from "../support/project.ts";

interface Step {
  name?: string;
  uses?: string;
  run?: string;
}

const WORKFLOWS = ["action.yml", ".github/workflows/ci.yml", ".github/workflows/release.yml"];

const release = parse(await Deno.readTextFile(join(ROOT, WORKFLOWS.at(-1)!)));

function stepsOf(job: string): Step[] {
  return release.jobs[job].steps;
}

async function bash(command: string, cwd: string, env: Record<string, string> = {}) {
  const args = ["--noprofile", "--norc", "-eo", "pipefail", "-c", command];
  return await ended(
    new Deno.Command("bash", {
      args,
      cwd,
      env: { INIT_CWD: cwd, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

Deno.test("every action that a workflow uses is one commit, whose version is said beside it", async () => {
  for (const file of WORKFLOWS) {
    const lines = (await Deno.readTextFile(join(ROOT, file))).split("\n").filter((line) =>
      line.includes("uses:")
    );
    for (const line of lines) assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, file);
  }
});

Deno.test("only the jobs that publish may ask for an identity, and they run nothing of the repository", () => {
  assert.deepEqual(release.permissions, { contents: "read" });
  const { packages, ...publishing } = release.jobs;
  assert.equal(packages.permissions, undefined);
  for (const [name, { needs, permissions, steps }] of Object.entries<Record<string, unknown>>(publishing)) {
    assert.deepEqual(
      { needs, permissions },
      { needs: "packages", permissions: { "id-token": "write" } },
      name,
    );
    assert.ok(!(steps as Step[]).some(({ uses }) => uses?.startsWith("actions/checkout")), name);
  }
});

Deno.test("a tag that is not the version stops the release", async () => {
  const { run } = stepsOf("packages").find(({ name }) => name === "The tag is the version")!;
  const command = run!.replace("npx -y deno@2.9.6", Deno.execPath());
  const { version } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  assert.equal((await bash(command, ROOT, { GITHUB_REF_NAME: `v${version}` })).code, 0);
  assert.equal((await bash(command, ROOT, { GITHUB_REF_NAME: "v9.9.9" })).code, 1);
  const template = await Deno.readTextFile(join(ROOT, "src/gpu-jupyter/devcontainer-template.json"));
  assert.equal(JSON.parse(template).version, version);
  assert.match(await Deno.readTextFile(join(ROOT, "CHANGELOG.md")), new RegExp(`^## ${version}\\b`, "m"));
});

const packages = await makePackages({ GITHUB_SERVER_URL: "https://example.org", GITHUB_REPOSITORY: "a/b" });
const ignore = typeof packages === "string";
if (ignore) {
  console.log(`ignored: what npm would publish, since the packages can't be made here: ${packages}`);
}

Deno.test("npm takes the tarball, which says where it was built", { ignore }, async () => {
  const { npm } = packages as Exclude<typeof packages, string>;
  const command = stepsOf("npm").at(-1)!.run!.replace(/npx -y npm@\S+/, "npm");
  const { code, stdout, stderr } = await bash(`${command} --dry-run --json`, join(npm, ".."));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /"id": "gpu-jupyter-tasks@\d/);
  const { stdout: json } = await bash(`tar -xzOf ${basename(npm)} package/package.json`, join(npm, ".."));
  assert.deepEqual(JSON.parse(json).repository, { type: "git", url: "git+https://example.org/a/b.git" });
});
