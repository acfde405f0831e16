import assert from "node:assert/strict";
import { Failure } from "../../tasks/lib/cli/failure.ts";
import { help } from "../../tasks/lib/cli/help.ts";
import { parse } from "../../tasks/lib/cli/options.ts";
import { Terminal } from "../../tasks/lib/cli/terminal.ts";
import { RUN_OPTIONS, runTask } from "../../tasks/lib/run/run_task.ts";

const TASK = {
  name: "bake",
  summary: "Bakes a cake.",
  examples: [["deno task bake", "a cake"]] as [string, string][],
  positionals: { usage: "[CAKE]", help: "which cake", most: 1 },
  parameters: true as const,
  rest: "passed on to the oven",
  options: {
    plan: { help: "only say what would be baked" },
    oven: { value: "NAME", choices: ["gas", "wood"], help: "the oven" },
    topping: { value: "WHAT", short: "t", many: true, help: "put on top" },
  } as const,
};

Deno.test("parse() tells switches, values, lists, positionals, parameters and the rest apart", () => {
  const argv = [
    "lemon",
    "--plan",
    "--oven",
    "wood",
    "-t",
    "sugar",
    "--topping=cream",
    "--heat",
    "180",
    "--",
    "--plan",
  ];
  assert.deepEqual(parse(TASK, argv), {
    options: { plan: true, oven: "wood", topping: ["sugar", "cream"] },
    positionals: ["lemon"],
    parameters: { heat: "180" },
    rest: ["--plan"],
    known: Object.keys(TASK.options),
  });
});

Deno.test("parse() gives every option its empty value when nothing is given", () => {
  assert.deepEqual(parse(TASK, []).options as unknown, { plan: false, topping: [] });
});

Deno.test("parse() takes negative numbers and values that start with a dash after =", () => {
  assert.deepEqual(parse(TASK, ["--shift", "-1.5", "--word=--x"]).parameters, { shift: "-1.5", word: "--x" });
});

Deno.test("parse() gives an option that may stand alone its value, or its fallback, and takes no option for it", async (t) => {
  const task = {
    ...TASK,
    options: { ...TASK.options, box: { value: "FILE", fallback: "box.txt", help: "a box" } },
  };
  const cases: [argv: string[], box: string | undefined, plan: boolean][] = [
    [[], undefined, false],
    [["--box"], "box.txt", false],
    [["--box", "--plan"], "box.txt", true],
    [["--box", "mine.txt", "--plan"], "mine.txt", true],
    [["--box=mine.txt"], "mine.txt", false],
  ];
  for (const [argv, box, plan] of cases) {
    await t.step(argv.join(" "), () => {
      const { options } = parse(task, argv);
      assert.deepEqual([options.box, options.plan], [box, plan]);
    });
  }
});

Deno.test("parse() refuses what it does not know, with the nearest match", async (t) => {
  const cases: [argv: string[], message: RegExp][] = [
    [["--plon"], /no option --plon, did you mean "--plan"/],
    [["-x"], /no option -x/],
    [["--oven"], /--oven needs a value: --oven NAME/],
    [["--oven", "god"], /--oven must be "gas" or "wood", current value is "god"/],
    [["--plan=1"], /--plan takes no value/],
    [["--heat"], /--heat needs a value/],
  ];
  for (const [argv, message] of cases) {
    await t.step(argv.join(" "), () => {
      assert.throws(() => parse(TASK, argv), (error) => {
        assert.ok(error instanceof Failure);
        assert.equal(error.exitCode, 2);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

Deno.test("parse() refuses arguments, parameters and a rest where the task takes none", () => {
  const plain = { ...TASK, positionals: undefined, parameters: undefined, rest: undefined };
  assert.throws(() => parse(plain, ["lemon"]), /takes no argument, current value is "lemon"/);
  assert.throws(() => parse(plain, ["--heat", "180"]), /no option --heat/);
  assert.throws(() => parse(plain, ["--", "x"]), /passes nothing on/);
});

Deno.test("parse() refuses more arguments than the task takes", () => {
  assert.throws(() => parse(TASK, ["lemon", "extra", "more"]), {
    exitCode: 2,
    message: '"deno task bake" takes one CAKE, current value is "lemon extra more"',
  });
  const two = { ...TASK, positionals: { usage: "OVEN [CAKE]", help: "where and what", most: 2 } };
  assert.deepEqual(parse(two, ["gas", "lemon"]).positionals, ["gas", "lemon"]);
  assert.throws(() => parse(two, ["a", "b", "c"]), /takes OVEN \[CAKE\], current value is "a b c"/);
});

Deno.test("--force is refused without --resume", async () => {
  const { options } = parse({ name: "train", summary: "", examples: [], options: RUN_OPTIONS }, ["--force"]);
  const args = { options, positionals: [], parameters: {}, rest: [], known: [] };
  await assert.rejects(runTask({ task: "train" }, args, new Terminal()), /--force needs --resume/);
});

Deno.test("help() begins with the example and lists every option", () => {
  const text = help(TASK);
  assert.ok(text.startsWith("deno task bake  # a cake\n"));
  for (
    const part of ["--plan", "--oven NAME", "-t, --topping WHAT", "--json", "-h, --help", "[CAKE]", "-- ARG"]
  ) {
    assert.ok(text.includes(part), part);
  }
});
