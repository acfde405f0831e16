import assert from "node:assert/strict";
import { join } from "node:path";
import { checkLock } from "../../tasks/lib/environment/lock_coverage.ts";
import { choicesLine, type LockChoices, parseLock } from "../../tasks/lib/environment/lock_file.ts";
import { Project, ROOT } from "../support/project.ts";

const PINS = "alpha==1.26.4\nbeta==2.0.1+cpu\n";

const PYPROJECT = `[project]
name = "Mine"
dependencies = ["alpha>=1.20"]
optional-dependencies = { more = ["beta"], all = ["mine[more]", "gamma"] }
[dependency-groups]
dev = ["delta"]
test = [{ include-group = "dev" }, "alpha"]
`;

Deno.test("checkLock() refuses what the lock does not cover, and nothing else", async (t) => {
  const cases: [
    about: string,
    files: Record<string, string>,
    choices: LockChoices,
    problem: RegExp | undefined,
    made?: LockChoices,
  ][] = [
    ["requirements", { "requirements.txt": "alpha\nbeta==2.0.1\n" }, {}, undefined],
    [
      "a missing one",
      { "requirements.txt": "gamma>=1\n" },
      {},
      /r\.lock is older than requirements\.txt: gamma>=1 is missing$/,
    ],
    ["another pin", { "requirements.txt": "alpha==1.27\n" }, {}, /alpha==1\.27 is locked at 1\.26\.4$/],
    ["a range", { "requirements.txt": "alpha>=1.20,<2,!=1.25,~=1.26\n" }, {}, undefined],
    ["another range", { "requirements.txt": "alpha>=2\n" }, {}, /alpha>=2 is locked at 1\.26\.4$/],
    ["a prefix", { "requirements.txt": "alpha==1.26.*\n" }, {}, undefined],
    ["another prefix", { "requirements.txt": "alpha==1.2.*\n" }, {}, /alpha==1\.2\.\* is locked/],
    ["a version that nobody understands", { "requirements.txt": "alpha>=2a1\n" }, {}, undefined],
    ["a condition", { "requirements.txt": "gamma; sys_platform == 'win32'\n" }, {}, undefined],
    [
      "addresses and paths",
      { "requirements.txt": "gamma @ https://x/y.whl\ndelta @ ./d\n-e .\n" },
      {},
      undefined,
    ],
    [
      "what it includes",
      {
        "requirements.txt": "-r more.txt\n-c limits.txt\n",
        "more.txt": "gamma\n",
        "limits.txt": "delta<1\n",
      },
      {},
      /older than more\.txt: gamma is missing$/,
    ],
    ["a pyproject.toml", { "pyproject.toml": PYPROJECT }, { extras: ["more"] }, undefined],
    [
      "its extra",
      { "pyproject.toml": PYPROJECT },
      { extras: ["all"] },
      /older than pyproject\.toml: gamma is missing$/,
    ],
    [
      "its group",
      { "pyproject.toml": PYPROJECT },
      { groups: ["test"] },
      /pyproject\.toml: delta is missing$/,
    ],
    ["install", {}, { install: ["beta", "alpha[x]>=1"] }, undefined],
    [
      "install what is missing",
      {},
      { install: ["gamma==1"] },
      /older than install: of experiment\.yaml: gamma==1 is missing$/,
    ],
    ["install the project", { "pyproject.toml": PYPROJECT }, { install: ["-e", ".[more]"] }, undefined],
    [
      "install the project with more",
      { "pyproject.toml": PYPROJECT },
      { install: ["-e", ".[all]"] },
      /gamma is missing$/,
    ],
    ["install a project that says nothing", { "setup.py": "" }, { install: ["."] }, undefined],
    ["extras that it was made with", {}, { extras: ["a"] }, undefined, { extras: ["a", "b"] }],
    ["other extras", {}, { extras: ["c"] }, /older than extras: of experiment\.yaml: c is missing$/, {
      extras: ["a"],
    }],
    ["other groups", {}, { groups: ["c"] }, /older than groups: of experiment\.yaml: c is missing$/, {}],
    ["an extra of a package", {}, { install: ["alpha[x]"] }, /alpha\[x\] was not asked for$/, {
      install: ["alpha"],
    }],
    ["an extra that it has", {}, { install: ["alpha[x]>1"] }, undefined, { install: ["alpha[x]"] }],
    ["a day", {}, { asOf: "2024-01-01" }, undefined, { asOf: "2024-01-01" }],
    ["another day", {}, { asOf: "2024-01-01" }, /2024-01-01 is asked for, its versions are of no day$/, {}],
    ["no day", {}, {}, /no day is asked for, its versions are of 2024-01-01$/, { asOf: "2024-01-01" }],
  ];
  for (const [about, files, choices, problem, made] of cases) {
    await t.step(about, async () => {
      const root = await Deno.makeTempDir();
      try {
        for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(root, name), text);
        const lock = join(root, "r.lock");
        await Deno.writeTextFile(lock, `${made === undefined ? "" : `# ${choicesLine(made)}\n`}${PINS}`);
        const [main] = ["requirements.txt", "pyproject.toml"].filter((name) => name in files);
        const named = main === undefined || choices.install ? [] : [join(root, main)];
        const checked = checkLock(lock, named, { root, ...choices });
        if (problem === undefined) await checked;
        else await assert.rejects(checked, { exitCode: 2, message: problem });
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    });
  }
});

Deno.test("a lock's first lines say what it was made with", () => {
  const choices = { extras: ["a"], install: ["-e", "."], asOf: "2024-01-01" };
  assert.deepEqual(parseLock(`# ${choicesLine(choices)}\n`, "r.lock").choices, choices);
  assert.deepEqual(parseLock(`# ${choicesLine({ groups: [] })}\n`, "r.lock").choices, {});
  assert.equal(parseLock("# with: {no JSON}\nalpha==1\n", "r.lock").choices, undefined);
});

Deno.test("a run with a lock that lacks what is installed beside it ends before it makes anything", async () => {
  await using project = await Project.make({
    "experiment.yaml":
      "name: test\nenvironment: { requirements: requirements.txt, install: [beta] }\nsteps: { a: { run: [python, -V] } }\n",
    "requirements.txt": "alpha==1.0\n",
    "requirements.lock": "alpha==1.0\n",
  });
  const { code, stderr } = await project.task("reproduce", ["--engine", "host"]);
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /requirements\.lock is older than install: of experiment\.yaml: beta is missing\n +what to do: deno task lock/,
  );
});

Deno.test("checkLock() names a requirements file that is not there", async () => {
  await assert.rejects(checkLock(join(ROOT, "requirements-cpu.lock"), ["/nothing/requirements.txt"]), {
    exitCode: 2,
    message: /Cannot find \/nothing\/requirements\.txt/,
  });
});
