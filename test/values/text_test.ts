import assert from "node:assert/strict";
import { ContentProblem } from "../../tasks/lib/values/content_problem.ts";
import { notebookOutputs, printedBy, search, SEARCH_LIMIT_MS } from "../../tasks/lib/values/text.ts";

Deno.test("search() gives the group of each match with its line", async () => {
  const text = "epoch 1: 48.89\nepoch 2: 68.15\n";
  assert.deepEqual(await search(text, String.raw`^epoch \d+: (\S+)$`), [
    { text: "48.89", line: 1 },
    { text: "68.15", line: 2 },
  ]);
  assert.deepEqual(await search(text, "(loss)"), []);
  assert.deepEqual(await search("größe: 1", "größe: (.)"), [{ text: "1", line: 1 }]);
});

Deno.test("search() refuses a match that leaves the group out", async () => {
  await assert.rejects(search("b\na", "a|(b)"), /matches \/a\|\(b\)\/ in line 2 without its group/);
});

Deno.test("search() gives up on a pattern that would take for ever", async () => {
  const began = performance.now();
  await assert.rejects(
    search(`${"a".repeat(60)}b`, "(?:a+)+(c)"),
    (error) => error instanceof ContentProblem && /tries too many ways to match/.test(error.message),
  );
  assert.ok(performance.now() - began < SEARCH_LIMIT_MS + 3000);
});

Deno.test("notebookOutputs() is what the code cells printed and returned, without colours and sources", () => {
  const cells = [
    { cell_type: "markdown", source: ["accuracy: 1"] },
    { cell_type: "code", source: "accuracy: 2", outputs: [] },
    {
      cell_type: "code",
      outputs: [
        { output_type: "stream", text: ["\u001b[32maccuracy: 3\u001b[0m\n", "loss: 4\n"] },
        { output_type: "execute_result", data: { "text/plain": "86.11", "text/html": "<b>86.11</b>" } },
        { output_type: "display_data", data: { "image/png": "AAAA" } },
      ],
    },
    null,
  ];
  assert.equal(notebookOutputs(JSON.stringify({ cells })), "accuracy: 3\nloss: 4\n86.11\n");
  assert.throws(() => notebookOutputs("{"), /is not a notebook/);
  assert.throws(() => notebookOutputs("[]"), /is not a notebook: it has no cells/);
});

const LOG = `==== 2026-11-23T18:13:13.000Z step train: python train.py
first
==== 2026-11-23T18:14:13.000Z step infer: python infer.py
other
==== 2026-11-23T18:15:13.000Z step train: python train.py
\u001b[1msecond\u001b[0m
==== not a head of the runner
`;

Deno.test("printedBy() is what the step printed when it ran last", () => {
  const printed = (step: string) => {
    const found = printedBy(step, LOG);
    assert("text" in found);
    // The line that is said is the line of the file.
    assert(LOG.split("\n")[found.firstLine - 1]!.includes(found.text.split("\n")[0]!));
    return found.text;
  };
  assert.equal(printed("train"), "second\n==== not a head of the runner\n");
  assert.equal(printed("infer"), "other\n");
  assert.throws(() => printedBy("plot", LOG), /has no part of step "plot"/);
});

Deno.test("printedBy() names the file that holds what is too long for the log, and no other", () => {
  const log = (file: string) =>
    "==== 2026-11-23T18:13:13.000Z step train: python train.py\nx\n" +
    `==== 2026-11-23T18:13:14.000Z train printed more than this log holds: all of it is in ${file}\n`;
  assert.deepEqual(printedBy("train", log("log-train.txt")), { file: "log-train.txt" });
  assert.deepEqual(printedBy("train", log("../secret")), { text: "x\n", firstLine: 2 });
});
