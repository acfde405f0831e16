/** A results file in the shape that lm-evaluation-harness 0.4 writes: names with commas, dated, in a model's folder. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseSource } from "../../tasks/lib/sources/sources.ts";
import { readSource, runFiles } from "../../tasks/lib/verdict/read_value.ts";

const RESULTS = `{
  "results": {
    "hellaswag": {
      "alias": "hellaswag",
      "acc,none": 0.28600000000000003,
      "acc_stderr,none": 0.00450972,
      "acc_norm,none": 0.3110,
      "acc_norm_stderr,none": "N/A"
    },
    "gsm8k": {
      "alias": "gsm8k",
      "exact_match,strict-match": 0.0125,
      "exact_match_stderr,strict-match": 0.0031,
      "exact_match,flexible-extract": 0.0250,
      "exact_match_stderr,flexible-extract": 0.0043
    }
  },
  "group_subtasks": { "hellaswag": [], "gsm8k": [] },
  "configs": {
    "hellaswag": { "task": "hellaswag", "dataset_path": "hellaswag", "num_fewshot": 0, "metadata": { "version": 1.0 } }
  },
  "versions": { "gsm8k": 3.0, "hellaswag": 1.0 },
  "n-shot": { "gsm8k": 5, "hellaswag": 0 },
  "higher_is_better": { "hellaswag": { "acc": true, "acc_norm": true } },
  "n-samples": { "hellaswag": { "original": 10042, "effective": 10042 } },
  "config": {
    "model": "hf",
    "model_args": "pretrained=EleutherAI/pythia-160m,dtype=float32",
    "batch_size": "auto:4",
    "batch_sizes": [64],
    "device": "cuda:0",
    "limit": null,
    "bootstrap_iters": 100000,
    "gen_kwargs": null,
    "random_seed": 0
  },
  "git_hash": null,
  "date": 1764316800.125,
  "pretty_env_info": "PyTorch version: 2.9.1+cu128\\nIs debug build: False",
  "upper_git_hash": null,
  "model_name": "EleutherAI/pythia-160m",
  "model_name_sanitized": "EleutherAI__pythia-160m",
  "start_time": 101.5,
  "end_time": 912.25,
  "total_evaluation_time_seconds": "810.75"
}
`;

const FOLDER = "eval/EleutherAI__pythia-160m";

async function inRun(work: (run: string) => Promise<void>): Promise<void> {
  const run = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(run, FOLDER), { recursive: true });
    await Deno.writeTextFile(join(run, FOLDER, "results_2026-11-28T08-00-00.123456.json"), RESULTS);
    await work(run);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

async function read(from: string, run: string) {
  const source = parseSource(from);
  assert(!("problem" in source), JSON.stringify(source));
  return await readSource(source, runFiles(run));
}

const FILE = "eval/**/results_*.json";

Deno.test("lm-eval's results are read as JSON: the file by its pattern, the metric by its name with a comma", async (t) => {
  const cases: [pointer: string, text: string][] = [
    ["/results/hellaswag/acc,none", "0.28600000000000003"],
    ["/results/hellaswag/acc_norm,none", "0.3110"],
    ["/results/gsm8k/exact_match,strict-match", "0.0125"],
    ["/results/gsm8k/exact_match,flexible-extract", "0.0250"],
    ["/n-samples/hellaswag/effective", "10042"],
    ["/versions/gsm8k", "3.0"],
  ];
  await inRun(async (run) => {
    for (const [pointer, text] of cases) {
      await t.step(pointer, async () => {
        const found = await read(`${FILE}#${pointer}`, run);
        assert(found.found && "text" in found, JSON.stringify(found));
        assert.equal(found.text, text);
      });
    }
  });
});

Deno.test("a metric that lm-eval did not compute is no number, and a second evaluation is not chosen from", async () => {
  await inRun(async (run) => {
    const absent = await read(`${FILE}#/results/hellaswag/acc`, run);
    assert(!absent.found);
    assert.match(absent.reason, /acc,none/);
    await Deno.writeTextFile(join(run, FOLDER, "results_2026-11-28T09-00-00.654321.json"), RESULTS);
    const twice = await read(`${FILE}#/results/hellaswag/acc,none`, run);
    assert(!twice.found);
    assert.match(twice.reason, /results_2026-11-28T08.*results_2026-11-28T09/s);
  });
});
