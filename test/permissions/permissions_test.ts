import assert from "node:assert/strict";
import { join } from "node:path";
import { findCommand } from "../../tasks/lib/permissions/find.ts";
import { choosePlace, declaresPython, helperCommand, type Place } from "../../tasks/lib/permissions/place.ts";
import { planRequest, type Request, sudoCaller } from "../../tasks/lib/permissions/request.ts";
import { readUndoList } from "../../tasks/lib/permissions/undo_list.ts";
import { Project, ROOT } from "../support/project.ts";

const CALLER = { uid: 1234, gid: 5678, groups: [100, 42], isRoot: false };

const REQUEST: Request = {
  root: "/home/a/my: project",
  uid: 1234,
  gid: 5678,
  groups: [100],
  toContainer: false,
  group: false,
  all: false,
};

const INSIDE = join(ROOT, "tasks/inside/ownership");

Deno.test("planRequest() gives to the caller, with their groups, or to the containers' user alone", () => {
  const options = { "to-container": false, group: true, all: false };
  assert.deepEqual(planRequest("/p", CALLER, options), {
    root: "/p",
    uid: 1234,
    gid: 5678,
    groups: [100, 42],
    toContainer: false,
    group: true,
    all: false,
  });
  const { uid, gid, groups, toContainer, all } = planRequest("/p", CALLER, {
    ...options,
    "to-container": true,
  });
  assert.deepEqual([uid, gid, groups, toContainer, all], [1000, 100, [], true, true]);
});

Deno.test("sudoCaller() is who typed sudo, and nobody where the variables are amiss", async (t) => {
  const cases: [env: Record<string, string>, expected: ReturnType<typeof sudoCaller>][] = [
    [{ SUDO_UID: "1234", SUDO_GID: "5678", SUDO_USER: "ada" }, { uid: 1234, gid: 5678, name: "ada" }],
    [{ SUDO_UID: "1234", SUDO_GID: "5678" }, { uid: 1234, gid: 5678, name: "1234" }],
    [{ SUDO_UID: "1234" }, undefined],
    [{ SUDO_UID: "-1", SUDO_GID: "x" }, undefined],
    [{}, undefined],
  ];
  for (const [env, expected] of cases) {
    await t.step(JSON.stringify(env), () => assert.deepEqual(sudoCaller(env), expected));
  }
});

Deno.test("declaresPython() believes an image that says what it has, and no Python that is too old", () => {
  const declare: Record<string, string>[] = [{ PYTHON_VERSION: "3.8.20" }, { PYTHON_VERSION: "3.13.1" }, {
    CONDA_DIR: "/opt/conda",
  }];
  for (const env of declare) assert.equal(declaresPython(env), true);
  const others: Record<string, string>[] = [{}, { PYTHON_VERSION: "3.7.17", CONDA_DIR: "/opt/conda" }, {
    PYTHON_VERSION: "2.7.18",
  }];
  for (const env of others) assert.equal(declaresPython(env), false);
});

Deno.test("findCommand() asks find for the first entry that is not right", async (t) => {
  const [before, after] = ["find|/home/a/my: project|-xdev|(|", "|)|-print|-quit"];
  const owner = "!|-uid|1234|-o|!|(|-gid|5678|-o|-gid|100|)";
  const rights = "-o|-type|f|!|-perm|-060|-o|-type|d|!|-perm|-070";
  const cases: [name: string, request: Request, what: "anything" | "foreign users", expected: string][] = [
    ["owners", REQUEST, "anything", owner],
    ["owners and rights", { ...REQUEST, group: true }, "anything", `${owner}|${rights}`],
    ["what needs root", { ...REQUEST, group: true }, "foreign users", "!|-uid|1234"],
  ];
  for (const [name, request, what, expected] of cases) {
    await t.step(name, () => {
      assert.equal(findCommand(request, what).join("|"), `${before}${expected}${after}`);
    });
  }
});

const CONTAINER: Place = { kind: "container", program: "docker", image: "a:cpu", rootless: false };

/** What this process's own map of ids says; the project of these tests is not there, so it has no entries. */
const MAPS = ["uid", "gid"].flatMap((kind) => [
  `--caller-${kind}s`,
  // Deno itself lets nobody read there.
  new TextDecoder().decode(new Deno.Command("cat", { args: [`/proc/self/${kind}_map`] }).outputSync().stdout)
    .trim().replace(/\s+/g, " "),
]);

Deno.test("helperCommand() runs the helper directly", async () => {
  const request = { ...REQUEST, group: true };
  assert.deepEqual(await helperCommand({ kind: "here" }, request, "repair", "name"), [
    ...["python3", "-E", "-s", "-S", "-B", "-X", "utf8", `${INSIDE}/fix_ownership.py`, request.root],
    ...["--uid", "1234", "--gid", "5678", "--also-gid", "100", "--group", "--repair", ...MAPS],
  ]);
});

Deno.test("helperCommand() runs it in a container as root that sees the project alone", async () => {
  assert.deepEqual(await helperCommand(CONTAINER, { ...REQUEST, all: true }, "repair", "name"), [
    ...["docker", "run", "--rm", "--name", "name"],
    ...["--label", "experiment.role=permissions", "--label", `experiment.project=${REQUEST.root}`],
    ...["--pull", "never", "--network", "none", "--read-only", "--user", "0:0", "--workdir", "/"],
    ...["--userns", "host", "--cap-drop", "ALL"],
    ...["--cap-add", "CHOWN", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER", "--cap-add", "FSETID"],
    ...["--security-opt", "no-new-privileges", "--security-opt", "label=disable"],
    ...["--mount", `type=bind,source=${REQUEST.root},target=/project`],
    ...["--mount", `type=bind,source=${INSIDE},target=/inside,readonly`],
    ...["--entrypoint", "python3", "a:cpu", "-E", "-s", "-S", "-B", "-X", "utf8"],
    ...["/inside/fix_ownership.py", "/project", "--uid", "1234", "--gid", "5678", "--also-gid", "100"],
    ...["--repair", "--all", ...MAPS],
  ]);
});

Deno.test("helperCommand() says which ids are meant, and mounts read-only what is only looked at", async (t) => {
  await t.step("to the container's user", async () => {
    const argv = await helperCommand(CONTAINER, { ...REQUEST, toContainer: true }, "look", "name");
    assert.ok(argv.includes("--inside-ids"));
    assert.equal(argv.includes("--repair"), false);
    assert.ok(argv.includes(`type=bind,source=${REQUEST.root},target=/project,readonly`));
  });
  await t.step("the owners of some entries", async () => {
    await using project = await Project.make({ "experiment.yaml": "" });
    const argv = await helperCommand(CONTAINER, { ...REQUEST, root: project.root }, "repair", "name");
    const { uid, gid } = Deno.lstatSync(project.root);
    assert.deepEqual(argv.slice(-4), [
      "--seen",
      `${uid}:${gid}:.`,
      "--seen",
      `${uid}:${gid}:experiment.yaml`,
    ]);
  });
  await t.step("what is taken back comes on standard input", async () => {
    const argv = await helperCommand(CONTAINER, REQUEST, "undo", "name");
    assert.ok(argv.includes("--interactive") && argv.includes("--undo"));
    assert.equal(argv.includes("--uid"), false);
  });
  await t.step("nerdctl has no --userns", async () => {
    const argv = await helperCommand(
      { ...CONTAINER, program: "nerdctl" },
      { ...REQUEST, root: "/p" },
      "repair",
      "name",
    );
    assert.equal(argv.includes("--userns"), false);
  });
});

Deno.test("readUndoList() takes nothing but what a repair wrote", async (t) => {
  await using folder = await Project.make({});
  const cases: [text: string, ok: boolean][] = [
    ['["a/b", 1, 2, 420, 3, 4]\n["new\\nline", 1, 2, 420, 3, 4]\n', true],
    ["", true],
    ['["a", 1, 2, 420, 3]\n', false],
    ['["../a", 1, 2, 420, 3, 4]\n', false],
    ['["/etc/passwd", 1, 2, 420, 3, 4]\n', false],
    ['["a", -1, 2, 420, 3, 4]\n', false],
    ['["a", 1, 2, 420, 3, 4]\n["b", 1, 2\n', false],
    ["no list\n", false],
  ];
  for (const [text, ok] of cases) {
    await t.step(JSON.stringify(text), async () => {
      await folder.write("list", text);
      if (ok) assert.equal(new TextDecoder().decode(await readUndoList(folder.path("list"))), text);
      else {await assert.rejects(
          readUndoList(folder.path("list")),
          /is not a change that fix-permissions made/,
        );}
    });
  }
  await t.step("of a repair that was killed the last line may be half", async () => {
    const whole = '["a", 1, 2, 420, 3, 4]\n';
    await folder.write("list", `${whole}["b", 1, 2`);
    assert.equal(new TextDecoder().decode(await readUndoList(folder.path("list"))), whole);
  });
  await assert.rejects(readUndoList(folder.root), /there is no file/);
});

Deno.test("choosePlace() refuses an engine in which nobody becomes root", async () => {
  const caller = { uid: 1234, gid: 5678, groups: [5678], isRoot: false };
  await assert.rejects(choosePlace(REQUEST, caller, { engine: "apptainer" }), {
    exitCode: 2,
    message:
      '--engine must be docker, podman, nerdctl to become root in a container, current value is "apptainer"',
  });
});
