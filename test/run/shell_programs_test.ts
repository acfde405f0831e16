import assert from "node:assert/strict";
import { programsOf, shellText } from "../../tasks/lib/run/shell_programs.ts";

const STRICT = { errexit: true, pipefail: true };
const LOOSE = { errexit: false, pipefail: false };

Deno.test("shellText() finds what bash -c and sh -c run, and how", () => {
  assert.deepEqual(shellText(["bash", "-euo", "pipefail", "-c", "a"]), { text: "a", options: STRICT });
  assert.deepEqual(shellText(["sh", "-c", "a", "name"]), { text: "a", options: LOOSE });
  assert.deepEqual(shellText(["/bin/bash", "-ec", "a"])?.options, { errexit: true, pipefail: false });
  for (
    const argv of [["bash", "a.sh"], ["bash", "-lc", "a"], ["python", "-c", "a"], ["bash"], ["bash", "-c"]]
  ) {
    assert.equal(shellText(argv), undefined, argv.join(" "));
  }
});

Deno.test("programsOf() finds the programs that a strict shell is certain to call", async (t) => {
  const cases: [text: string, programs: string][] = [
    ["a", "a"],
    ["a x; b y\nc", "a b c"],
    ["a | b 2>&1 | c > log.txt", "a b c"],
    ["A=1 B=\"x y\" a --flag='b; c' # d\nexport X=1", "a"],
    ["A=$(b) a", "a"],
    ["a $(b | c) `d`", ""],
    ["a \\\n  --more \\\n  x\nb", "a b"],
    ["cd src && mkdir -p x && a\nb", "a b"],
    ["test -f x && a; b", "b"],
    ["a && b; c", "c"],
    ["a && b", "a"],
    ["a || b; c", "c"],
    ["! a; b & c", "c"],
    ["if command -v a; then b; else c; fi; d", "d"],
    ["while read line; do a; done < b; c", "c"],
    ["for s in 1 2 3; do a $s | tee log; done; b", "a tee b"],
    ["for s in $(c); do a $s; done; b", "b"],
    ["for s in 1; do [ -f x ] && continue; a; done; b", ""],
    ["run() {\n  a\n}\nrun x\nb", "b"],
    ["function run { a; }; run", ""],
    ["( a; b ); c", "c"],
    ["{ a; b; }; c", "c"],
    ["[[ $x < 3 && -f a ]]; b", "b"],
    ['"$tool" x; ./made x; /usr/x y; ~/z; b', "b"],
    ["time a; nohup b; env X=1 c; command -v d", "a b c"],
    ["x=(a b c); d", "d"],
    ["set +e; a", ""],
    ["source env.sh; a", ""],
    ["a; . ./env.sh; b", "a"],
    ["export PATH=$PWD/x:$PATH; a", ""],
    ["PATH=x:$PATH a; b", ""],
    ['eval "$(x)"; a', ""],
    ["module load cuda; nvcc x", ""],
    ["a; pip install ninja; ninja", "a pip"],
    ["python -m pip install ninja; ninja", "python"],
    ["cp x ~/.local/bin/tool; tool", ""],
    ["a; cat <<END\nb\nEND\nc", "a"],
    ["a; case $x in y) b;; esac; c", "a"],
    ["a; exit 0; b", "a"],
    ["diff <(a) <(b); c", "diff c"],
    ["echo 'a; b' \"c; d\"; e", "e"],
    ["a; echo 'not closed", "a"],
    ["", ""],
  ];
  for (const [text, programs] of cases) {
    await t.step(JSON.stringify(text), () => assert.equal(programsOf(text, STRICT).join(" "), programs));
  }
});

Deno.test("programsOf() of a shell that goes on after failures finds what decides its end", async (t) => {
  const cases: [text: string, programs: string][] = [
    ["a; b", "b"],
    ["a | b", "b"],
    ["a && b", "a"],
    ["cd x && a", "a"],
    ["set -e; a; b | c", "a c"],
    ["set -euo pipefail\na | b", "a b"],
    ["for x in 1 2; do a; b; done", "b"],
    ["a; exit 0", ""],
    ["a; cat <<END\nEND", ""],
  ];
  for (const [text, programs] of cases) {
    await t.step(JSON.stringify(text), () => assert.equal(programsOf(text, LOOSE).join(" "), programs));
  }
});

/** Each program of a text that bash says it did not find; the test of what programsOf() must not say. */
Deno.test("what programsOf() says to be missing, bash finds missing", async (t) => {
  const texts = [
    "missing_a",
    "true && missing_a",
    "missing_a | cat",
    "for x in 1 2; do missing_a; done",
    "f() { missing_a; }; echo",
    "missing_a || true",
    "if missing_a; then :; fi",
    "set -e; missing_a; missing_b",
    "missing_a && true; echo",
    "missing_a & wait",
    "x=$(echo missing_a); echo $x",
    "echo missing_a; (missing_b); :",
    "time missing_a",
    "{ missing_a; } || :",
    "[[ a == a ]] && missing_a",
  ];
  let count = 0;
  for (const options of [STRICT, LOOSE]) {
    const flags = options.errexit ? ["-euo", "pipefail", "-c"] : ["-c"];
    for (const text of texts) {
      await t.step(`${flags.join(" ")} ${text}`, async () => {
        const said = programsOf(text, options).filter((one) => one.startsWith("missing"));
        const { code } = await new Deno.Command("bash", { args: [...flags, text], stderr: "null" }).output();
        if (said.length > 0) assert.equal(code, 127, said.join(" "));
        count += said.length;
      });
    }
  }
  assert(count >= 10, `${count} were said`);
});

Deno.test("programsOf() of hostile texts ends soon", () => {
  for (const part of ["$(", "((", "for x in a; do ", "if ", "a && ", "'", '"$(', "{ ", "a|", "case x in "]) {
    programsOf(part.repeat(20_000), STRICT);
  }
});
