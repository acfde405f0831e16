/** Completions in the real shells, typed on a pseudo-terminal. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { isOnPath } from "../../tasks/lib/system/on_path.ts";
import { ended, Project, ROOT } from "../support/project.ts";

/** What is typed before Tab, and the words that the command then gets. */
const CASES: [typed: string, given: string][] = [
  ["gjt reprod", "reproduce"],
  ["gpu-jupyter-tasks fix", "fix-permissions"],
  ["gjt reproduce --tw", "reproduce --twice"],
  ["gjt reproduce --engine pod", "reproduce --engine podman"],
  ["gjt reproduce --engine=app", "reproduce --engine=apptainer"],
  ["gjt reproduce euro", "reproduce eurosat"],
  ["gjt data ver", "data verify"],
  ["gjt data verify --jso", "data verify --json"],
  ["gjt help rec", "help receipt"],
  ["gjt report --badge pict", "report --badge picture.svg"],
  ["gjt run --he", "run --help"],
];

/** Where each shell finds the script, as `completions --help` says, and how it is started there. */
const SHELLS: Record<string, { files: Record<string, string>; argv: string[] }> = {
  bash: {
    files: { "bashrc": "PS1='ready> '\nsource home/completions\n" },
    argv: ["bash", "--noprofile", "--rcfile", "bashrc", "-i"],
  },
  zsh: {
    files: { ".zshrc": "PS1='ready> '\nfpath=($HOME $fpath)\nautoload -Uz compinit\ncompinit -u -D\n" },
    argv: ["zsh", "-i"],
  },
  fish: {
    files: { "config/fish/config.fish": "function fish_prompt; echo 'ready> '; end\nset -g fish_greeting\n" },
    argv: ["fish", "-i"],
  },
};

const SCRIPT: Record<string, string> = {
  bash: "home/completions",
  zsh: "home/_gpu-jupyter-tasks",
  fish: "config/fish/conf.d/gpu-jupyter-tasks.fish",
};

for (const [shell, { files, argv }] of Object.entries(SHELLS)) {
  const ignore = !isOnPath(shell);
  if (ignore) {
    console.log(`ignored: completions in ${shell}, since it is not here; deno task machine installs it`);
  }
  Deno.test(`${shell} completes tasks, options, values, experiments and files`, { ignore }, async () => {
    await using project = await Project.make({
      "experiments/eurosat/experiment.yaml": "",
      "picture.svg": "",
      // In the program's place: what is looked at is the line that the shell makes.
      ...Object.fromEntries(
        ["gjt", "gpu-jupyter-tasks"].map((name) => [`bin/${name}`, '#!/bin/sh\necho "typed:<$*>"\n']),
      ),
      ...files,
    });
    for (const name of ["gjt", "gpu-jupyter-tasks"]) await Deno.chmod(project.path("bin", name), 0o755);
    const { stdout: script, code } = await project.task("completions", [shell]);
    assert.equal(code, 0);
    await project.write(SCRIPT[shell]!, script);
    const typed = new Deno.Command("python3", {
      args: [
        join(ROOT, "test/support/type_in_shell.py"),
        ...CASES.map(([line]) => line),
        "--",
        ...argv,
      ],
      cwd: project.root,
      env: {
        HOME: project.path("home"),
        ZDOTDIR: project.root,
        XDG_CONFIG_HOME: project.path("config"),
        XDG_DATA_HOME: project.path("data"),
        PATH: `${project.path("bin")}:${Deno.env.get("PATH")}`,
        TERM: "xterm",
      },
      stdout: "piped",
      stderr: "piped",
    });
    await Deno.mkdir(project.path("home"), { recursive: true });
    const { stdout, stderr } = await ended(typed.spawn());
    const given = [...stdout.matchAll(/typed:<(.*?)>/g)].map(([, words]) => words!.trim());
    assert.deepEqual(given, CASES.map(([, words]) => words), stdout + stderr);
  });
}

Deno.test("for another shell it says which there are", async () => {
  await using project = await Project.make({});
  const { code, stderr } = await project.task("completions", ["fihs"]);
  assert.equal(code, 2);
  assert.match(stderr, /must be "bash", "zsh" or "fish", current value is "fihs", did you mean "fish"\?/);
});
