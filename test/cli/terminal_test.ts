import assert from "node:assert/strict";
import { bytes, duration, wrap } from "../../tasks/lib/cli/format.ts";
import { columns } from "../../tasks/lib/cli/table.ts";
import { Terminal } from "../../tasks/lib/cli/terminal.ts";
import { sha256 } from "../../tasks/lib/system/files.ts";
import { ended, Project, ROOT } from "../support/project.ts";

Deno.test("columns() aligns cells and leaves no space at the end", () => {
  assert.deepEqual(columns([["a", "bb"], ["ccc", "d"]]), ["a    bb", "ccc  d"]);
});

Deno.test("wrap() breaks at spaces and never inside a word", () => {
  assert.deepEqual(wrap("aa bb cccccccc d", 5), ["aa bb", "cccccccc", "d"]);
});

Deno.test("duration() and bytes() say it as a person would", async (t) => {
  for (
    const [seconds, text] of [[0.44, "0.4 s"], [12, "12 s"], [59.7, "60 s"], [185, "3 min 05 s"], [
      7380,
      "2 h 03 min",
    ]]
  ) {
    await t.step(String(text), () => assert.equal(duration(seconds as number), text));
  }
  for (const [count, text] of [[0, "0 B"], [999, "999 B"], [1400, "1.4 kB"], [1.4e9, "1.4 GB"]]) {
    await t.step(String(text), () => assert.equal(bytes(count as number), text));
  }
});

Deno.test("paint() leaves text plain where standard output is no terminal", () => {
  if (!Deno.stdout.isTerminal()) assert.equal(new Terminal().paint("x", "red"), "x");
});

/** Reads a program's non-blocking standard output so slowly that the pipe is full most of the time. */
const SLOW_READER = `
import hashlib, os, subprocess, sys, time
reader, writer = os.pipe()
os.set_blocking(writer, False)
child = subprocess.Popen(sys.argv[2:], stdout=writer, stderr=writer)
os.close(writer)
digest = hashlib.sha256()
while chunk := os.read(reader, 65536):
    digest.update(chunk)
    if sys.argv[1] == "leave":
        break
    time.sleep(0.005)
os.close(reader)
print(digest.hexdigest(), child.wait())
`;

/** Lines of all lengths, some longer than any buffer, and a last one that is not finished. */
const LINES = Array.from({ length: 2000 }, (_, i) => `${i} `.repeat(i % 700)).join("\n");

Deno.test("output to a slow reader of a non-blocking pipe arrives whole, and one who left is no error", async (t) => {
  await using project = await Project.make({
    "lines.txt": LINES,
    "slow.py": SLOW_READER,
    "print.ts": `import { Terminal } from "${ROOT}/tasks/lib/cli/terminal.ts";
const lines = Deno.readFileSync(Deno.args[1]);
const terminal = new Terminal(Deno.args[0] !== "output");
if (Deno.args[0] === "result") terminal.result(new TextDecoder().decode(lines).split("\\n"));
else terminal.raw(lines);`,
  });
  const result = `${JSON.stringify(LINES.split("\n"), null, 2)}\n`;
  const cases: [reader: string, form: string, arrived: RegExp][] = [
    ["stay", "output", new RegExp(`^${sha256(LINES)} 0\n`)],
    ["stay", "note", new RegExp(`^${sha256(LINES)} 0\n`)],
    ["stay", "result", new RegExp(`^${sha256(result)} 0\n`)],
    ["leave", "output", /^\w+ 0\n/],
  ];
  for (const [reader, form, arrived] of cases) {
    await t.step(`${reader}, ${form}`, async () => {
      const print = [Deno.execPath(), "run", "--no-check", "--quiet", "--allow-env", "--allow-read"];
      const files = [project.path("print.ts"), form, project.path("lines.txt")];
      const { stdout } = await ended(
        new Deno.Command("python3", {
          args: [project.path("slow.py"), reader, ...print, ...files],
          stdout: "piped",
          stderr: "piped",
        }).spawn(),
      );
      assert.match(stdout, arrived);
    });
  }
});
