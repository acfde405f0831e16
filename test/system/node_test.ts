import assert from "node:assert/strict";
import { join } from "node:path";

const ROOT = new URL("../../", import.meta.url);

const PLAN = `
process.getBuiltinModule = (name) => { throw new Error("the plan loads " + name); };
const { hashOfRequirements } = await import("${ROOT}tasks/lib/engine/own_image.ts");
console.log(await hashOfRequirements(".", ["requirements.txt", "requirements.txt"]));
const [{ main }, { task }] = [await import("${ROOT}tasks/lib/cli/main.ts"), await import("${ROOT}tasks/train.ts")];
await main(task, ["--plan", "--engine", "host"]);
`;

Deno.test("a plan loads none of the modules of Node that take long, not even for the hashes of requirements", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text);
    await write("requirements.txt", "numpy\n-r more.txt\n");
    await write("more.txt", "pandas\n");
    await write(
      "experiment.yaml",
      "name: a\nenvironment: { requirements: requirements.txt }\nsteps: { train: { run: [python, t.py] } }\n",
    );
    await write("plan.ts", PLAN);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", `--config=${join(ROOT.pathname, "deno.json")}`, "plan.ts"],
      cwd: folder,
      env: { INIT_CWD: folder },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(err, "");
    assert.equal(code, 0, err);
    // printf 'numpy\n-r more.txt\n' | sha256sum, and of two such hashes, a line each
    assert.match(out!, /^2029c444f608e4873dfb040140fc55dfc058b365078fa1630503749fefa356ac\n/);
    assert.match(out!, /run_step\.py --record/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
