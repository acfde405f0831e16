/** Control characters in texts of others: shown on a terminal, never obeyed. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { columns, cutToWidth, width } from "../../tasks/lib/cli/table.ts";
import { visible, visibleJson, visibleLine } from "../../tasks/lib/cli/visible.ts";
import { ended, experiment, Project, ROOT, TRAIN } from "../support/project.ts";

/** Sets the window's title, clears the screen, colours text, and turns what follows it around. */
const HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eoops\x1b[32mfine\r";

/** What no terminal may get from anybody but us. */
// deno-lint-ignore no-control-regex -- they are what is looked for
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

Deno.test("visible() shows every control character, and leaves languages and emoji", () => {
  assert.equal(visible(HOSTILE), "␛]0;owned␇␛[2J\\u009b31m\\u202eoops␛[32mfine␍");
  assert.equal(visibleLine("a\nb\tc"), "a␊b␉c");
  assert.equal(visible("a\nb\tc"), "a\nb\tc");
  for (const text of ["Zoë", "数据", "می‌خواهم", "👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "हिन्दी"]) assert.equal(visible(text), text);
  for (let code = 0; code < 0x110000; code++) {
    assert.doesNotMatch(visibleLine(String.fromCodePoint(code)), OBEYED);
  }
});

Deno.test("visibleJson() is the same value, in characters that a terminal can show", () => {
  for (let code = 0; code < 0x110000; code += 0x400) {
    const value = Array.from({ length: 0x400 }, (_, index) => String.fromCodePoint(code + index)).join("");
    const json = visibleJson(JSON.stringify({ value }));
    assert.doesNotMatch(json, OBEYED);
    assert.deepEqual(JSON.parse(json), { value });
  }
});

Deno.test("columns() aligns by what a terminal shows, one line for each row", () => {
  const names = ["accuracy", "数据集准确率", "e\u0301cart", "👨‍👩‍👧 family", "ﾊﾝｶｸ", "🇩🇪", "two\nlines", HOSTILE];
  const lines = columns(names.map((name) => [name, "x"]));
  assert.equal(lines.length, names.length);
  assert.deepEqual([...new Set(lines.map((line) => width(line)))].length, 1);
  assert.deepEqual(columns([["数据", "a"], ["dataset", "b"]]), ["数据     a", "dataset  b"]);
  assert.deepEqual(columns([["e\u0301", "a"], ["é", "b"]]), ["e\u0301  a", "é  b"]);
  assert.equal(cutToWidth("数据集准确率", 5), "数据…");
  assert.equal(cutToWidth("数据", 4), "数据");
});

Deno.test("on a terminal our own colours are obeyed, and nobody else's", async () => {
  await using project = await Project.make({
    "print.ts": `import { Terminal } from "${ROOT}/tasks/lib/cli/terminal.ts";
const terminal = new Terminal();
const hostile = ${JSON.stringify(HOSTILE)};
terminal.line("line " + terminal.paint(hostile, "red", "bold"));
terminal.note("note " + terminal.paint(hostile, "dim"));
terminal.progress("progress " + hostile + "\\n" + "表".repeat(300));
terminal.line();
terminal.raw(new TextEncoder().encode("\\x1b[35mstep\\x1b[0m\\n"));`,
  });
  const { code, stdout } = await ended(
    new Deno.Command("python3", {
      args: [
        ...[join(ROOT, "test/support/terminal.py"), "never", "1"],
        ...[Deno.execPath(), "run", "--no-check", "--quiet", "--allow-env", project.path("print.ts")],
      ],
      env: { NO_COLOR: "" },
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assert.equal(code, 0);
  const shown = "␛]0;owned␇␛[2J\\u009b31m\\u202eoops␛[32mfine␍";
  assert.match(stdout, new RegExp(`^line \x1b\\[31;1m${literal(shown)}\x1b\\[0m\r\n`));
  assert.ok(stdout.includes(`note \x1b[2m${shown}\x1b[0m\r\n`));
  assert.ok(stdout.includes(`\r\x1b[2Kprogress ${shown}␊表`), JSON.stringify(stdout));
  assert.ok(stdout.includes("\x1b[35mstep\x1b[0m\r\n"), "what a step prints stays as it is");
  // deno-lint-ignore no-control-regex -- our own colours, the line that replaces itself, the terminal's line ends
  const left = stdout.replace(/\x1b\[(?:[\d;]+m|2K)|\r/g, "");
  assert.doesNotMatch(left, OBEYED);
});

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

Deno.test("a record, a file's name and a value of others reach no terminal as they are", async (t) => {
  const name = "\x1b]0;name\x07\x1b[2J.json";
  const step = `import os, sys
out = sys.argv[sys.argv.index("--out") + 1]
open(os.path.join(out, ${JSON.stringify(name)}), "w").write("{}")
`;
  await using project = await Project.make({ "experiment.yaml": experiment(), "train.py": TRAIN + step });
  const reproduced = await project.task("reproduce");
  assert.equal(reproduced.code, 0);
  assert.doesNotMatch(reproduced.stdout + reproduced.stderr, OBEYED);
  const run = await project.run();
  await t.step("a file's name", async () => {
    await Deno.writeTextFile(join(run, "train", name), "other");
    const { stdout, stderr } = await project.task("verify", [run]);
    assert.match(stdout, /train\/␛\]0;name␇␛\[2J\.json: other bytes than recorded/);
    assert.doesNotMatch(stdout + stderr, OBEYED);
  });
  await t.step("a problem in evidence.json", async () => {
    const path = join(run, "evidence.json");
    const evidence = JSON.parse(await Deno.readTextFile(path));
    evidence.steps.train.problem = `P${HOSTILE}\nReproduced: 1 of 1 claims hold`;
    await Deno.writeTextFile(path, JSON.stringify(evidence));
    const { stdout, stderr } = await project.task("verify", [run]);
    assert.match(stdout, /P␛\]0;owned␇.*␍␊Reproduced/);
    assert.doesNotMatch(stdout + stderr, OBEYED);
    for (const task of ["verify", "report"]) {
      const { code, stdout, stderr } = await project.task(task, [run, "--json"]);
      assert.equal(code, task === "verify" ? 1 : 0);
      assert.match(stdout, /\\u001b\]0;name\\u0007/);
      assert.doesNotMatch(stdout + stderr, OBEYED);
    }
  });
  const text = JSON.stringify(HOSTILE);
  for (const more of [`environment: { gpus: ${text} }`, `title: ${text}`, `${text}: 1`, `"\u202etitle": 1`]) {
    await t.step(`in an error: ${more.slice(0, 20)}`, async () => {
      await project.write("experiment.yaml", experiment(`${more}\n`));
      for (const json of [[], ["--json"]]) {
        const { code, stdout, stderr } = await project.task("train", json);
        assert.equal(code, 2);
        assert.match(stderr, /owned|title/);
        assert.doesNotMatch(stdout + stderr, OBEYED);
      }
    });
  }
  await t.step("an argument in an error", async () => {
    const { code, stderr } = await project.task("train", [`--${HOSTILE}`]);
    assert.equal(code, 2);
    assert.doesNotMatch(stderr, OBEYED);
  });
});

Deno.test("a long claim and its values are cut to fit a terminal, and nowhere else", async () => {
  const claim = `accuracy ${"of the small network on the held-out images ".repeat(3)}at the end`;
  const hash = "0123456789abcdef".repeat(4);
  await using project = await Project.make({
    "print.ts": `import { Terminal } from "${ROOT}/tasks/lib/cli/terminal.ts";
import { claimsTable } from "${ROOT}/tasks/lib/report/text.ts";
const check = { claim: ${
      JSON.stringify(claim)
    }, claimed: "${hash}", obtained: "${hash}", tolerance: "exact" };
const terminal = new Terminal();
claimsTable([{ ...check, verdict: "identical", detail: "" }] as never, terminal).forEach((line) => terminal.line(line));`,
  });
  const print = [
    Deno.execPath(),
    ...["run", "--no-check", "--quiet", "--allow-env", "--config", join(ROOT, "deno.json")],
    project.path("print.ts"),
  ];
  const shown = async (...[program, ...args]: string[]) => {
    const command = new Deno.Command(program!, {
      args,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    });
    const { code, stdout, stderr } = await ended(command.spawn());
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const piped = await shown(...print);
  assert.deepEqual(piped.trim().split("\n")[1]!.split(/ {2,}/), [claim, hash, hash, "exact", "identical"]);
  const onTerminal = await shown("python3", join(ROOT, "test/support/terminal.py"), "never", "1", ...print);
  assert.match(onTerminal, /^accuracy of the \w+…\s+0123456789\w+…\s+0123456789\w+…\s+exact\s+identical/m);
});
