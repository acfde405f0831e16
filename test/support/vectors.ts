/** Conformance vectors: what a judge is given, and the check that it must come to. */

import { claimOf, type PlainClaim } from "../../tasks/lib/experiment/plain_claim.ts";
import type { Experiment } from "../../tasks/lib/experiment/experiment.ts";
import type { Check, Verdict } from "../../tasks/lib/record/verdict.ts";
import type { Observation } from "../../tasks/lib/verdict/read_value.ts";
import { type RunState, verify } from "../../tasks/lib/verdict/verify.ts";

export interface Vector {
  /** What it shows, in a sentence. */
  about: string;
  claim: PlainClaim;
  /** What stood at the claim's source; null if nobody looked. */
  observation: Observation | null;
  /** What of the run, other than the value, decides. */
  state: RunState;
  verdict: Check;
}

/** A vector whose verdict was written by hand, and whose other texts are still to be added. */
export interface Case extends Omit<Vector, "verdict"> {
  group: string;
  expected: Verdict;
}

/** What this project's own judge says. */
export function judged({ claim, observation, state }: Omit<Vector, "verdict" | "about">): Check {
  const experiment = { claims: [claimOf(claim)] } as unknown as Experiment;
  const observations = new Map(observation === null ? [] : [[claim.name, observation]]);
  const [check] = verify(experiment, observations, state);
  // As a file holds it.
  return JSON.parse(JSON.stringify(check));
}

const FINE: RunState = { run: "20260101T000000Z-aaaa", parametersChanged: [], failedSteps: [] };

type Tolerance = PlainClaim["tolerance"][number];

const within = (bound: Partial<Tolerance>): Tolerance[] => [{ because: "spread over threads", ...bound }];

function claim(
  type: PlainClaim["type"],
  value: PlainClaim["value"],
  more: Partial<PlainClaim> = {},
): PlainClaim {
  return { name: "accuracy", from: "train/metrics.json#/accuracy", type, value, tolerance: [], ...more };
}

/** What stands in a JSON file. */
function json(text: string): Observation {
  const value = JSON.parse(text);
  return { found: true, value, text: typeof value === "string" ? value : text };
}

function cell(text: string): Observation {
  return { found: true, value: text, text };
}

function list(...texts: string[]): Observation {
  return { found: true, list: texts.map((text) => ({ value: Number(text), text })) };
}

const CSV = { from: "train/history.csv?epoch=10#accuracy" };

function* percentages(): Generator<Case> {
  const group = "percentages";
  const base = { group, state: FINE };
  const write: [string, (k: number, n: number) => string][] = [
    ["as a double", (k, n) => String(100 * k / n)],
    ["as a double, divided first", (k, n) => String(k / n * 100)],
    ["as a single", (k, n) => String(Math.fround(Math.fround(k / n) * 100))],
    ["with four decimals", (k, n) => (100 * k / n).toFixed(4)],
    ["with all digits, as numpy.savetxt writes it", (k, n) => (100 * k / n).toExponential(18)],
  ];
  for (const [n, k] of [[360, 358], [540, 465], [71, 41], [2160, 1832], [10000, 9321], [3, 2]] as const) {
    const claimed = (100 * k / n).toFixed(n > 1000 ? 3 : 2);
    for (const [how, text] of write) {
      for (const samples of [0, -1, 1, -2]) {
        if (k + samples > n) continue;
        yield {
          ...base,
          about: `${k + samples} of ${n} ${how}, claimed is ${claimed} with one sample of tolerance`,
          claim: claim("number", claimed, { of: n, tolerance: within({ samples: 1 }) }),
          observation: json(String(Number(text(k + samples, n)))),
          expected: samples === 0 ? "identical" : Math.abs(samples) === 1 ? "within tolerance" : "different",
        };
      }
    }
  }
  const cases: [claimed: string, n: number, obtained: string, Verdict, about: string][] = [
    [
      "99.44",
      360,
      "99.4",
      "identical",
      "a zero that JSON dropped, or one decimal less, still tells one count",
    ],
    ["99.44", 360, "9.944444444444445e1", "identical", "an exponent changes nothing"],
    ["99.44", 360, "99.30", "different", "a percentage that no count of 360 has"],
    ["99.44", 360, "101", "different", "more than all"],
    ["99.44", 360, "-1", "different", "less than none"],
    ["99.44", 360, "0.9944", "different", "a fraction where a percentage is claimed is named as one"],
    ["99.444", 27000, "99.44", "missing", "too few decimals stand for several counts"],
    ["86.11", 540, "86.0", "missing", "one decimal that stands for several counts of 540, or none"],
    ["0.00", 360, "0.0", "identical", "none of all"],
    ["100.00", 360, "100.0", "identical", "all of all"],
    ["58", 71, "58.0", "identical", "zeros after the point are how a float is written"],
    ["58", 71, "57.9", "different", "no count of 71"],
    ["99.44", 360, "99.44000244140625", "identical", "rounded, then written as a single"],
    [
      "99.44",
      360,
      "9.943999999999999773e+01",
      "identical",
      "rounded, then written as a double with all digits",
    ],
    ["86.11", 540, "86.10", "different", "two decimals were asked for, and no count of 540 has these"],
    ["99.44", 360, "1e300", "different", "a number that is no percentage"],
  ];
  for (const [claimed, of, obtained, expected, about] of cases) {
    yield {
      ...base,
      about,
      claim: claim("number", claimed, { of, unit: "%" }),
      observation: { found: true, value: Number(obtained), text: obtained },
      expected,
    };
  }
}

function* numbers(): Generator<Case> {
  const group = "numbers";
  const cases: [claimed: string, bound: Partial<Tolerance> | undefined, obtained: string, Verdict][] = [
    ["0.4472", undefined, "0.4472", "identical"],
    ["0.4472", undefined, "0.44719", "identical"],
    ["0.4472", undefined, "0.44725", "identical"],
    ["0.4472", undefined, "0.44715", "identical"],
    ["0.4472", undefined, "0.447251", "different"],
    ["0.4472", undefined, "0.447149", "different"],
    ["0.4472", undefined, "0.4473", "different"],
    ["0.4472", { absolute: 0.0001 }, "0.4473", "within tolerance"],
    ["0.4472", { absolute: 0.0001 }, "0.4471", "within tolerance"],
    ["0.4472", { absolute: 0.0001 }, "0.44731", "different"],
    ["0.4472", { absolute: 0 }, "0.44725", "identical"],
    ["0.4472", { absolute: 0 }, "0.44726", "different"],
    ["0.3", { absolute: 0.1 }, "0.2", "within tolerance"],
    ["0.1", { absolute: 0.2 }, "0.30", "within tolerance"],
    ["0.1", { absolute: 0.2 }, "0.30000000000000004", "different"],
    ["100", { relative: 0.01 }, "101", "within tolerance"],
    ["100", { relative: 0.01 }, "99", "within tolerance"],
    ["100", { relative: 0.01 }, "101.6", "different"],
    ["-100", { relative: 0.01 }, "-101", "within tolerance"],
    ["0", { relative: 0.5 }, "1", "different"],
    ["0", undefined, "-0.0", "identical"],
    ["1.0e-7", { absolute: 1e-8 }, "1.06e-7", "within tolerance"],
    ["1.0e-7", { absolute: 1e-8 }, "1.2e-7", "different"],
    ["6.02e23", { relative: 1e-3 }, "6.021e23", "within tolerance"],
    ["6.02e23", undefined, "6.02e+23", "identical"],
    ["86.10", undefined, "86.1", "identical"],
    ["86.10", undefined, "86.106", "different"],
    ["5", undefined, "5.4", "identical"],
    ["5", undefined, "5.5", "identical"],
    ["5", undefined, "5.51", "different"],
    [".5", undefined, "0.5", "identical"],
    ["+5", undefined, "5", "identical"],
    ["1797", { samples: 0 }, "1797", "identical"],
    ["1797", { samples: 0 }, "1797.0", "identical"],
    ["1797", { samples: 0 }, "1796", "different"],
    ["1797", { samples: 2 }, "1796", "within tolerance"],
    ["1797", { samples: 2 }, "1799", "within tolerance"],
    ["1797", { samples: 2 }, "1800", "different"],
    ["1797", { samples: 2 }, "1796.5", "different"],
    ["-3", { samples: 1 }, "-4", "within tolerance"],
    ["0.1", { absolute: 1e-7 }, "0.10000001", "identical"],
    ["12345678901234567890.5", undefined, "12345678901234567890.5", "identical"],
    ["12345678901234567890.5", undefined, "12345678901234567890.6", "different"],
    ["1", { absolute: 1e21 }, "1e20", "within tolerance"],
    ["1", { samples: 1 }, "100000000000000000000000", "different"],
  ];
  for (const [claimed, bound, obtained, expected] of cases) {
    const tolerance = bound === undefined ? [] : within(bound);
    const allowed = bound === undefined ? "no tolerance" : `a tolerance of ${JSON.stringify(bound)}`;
    yield {
      group,
      about: `${obtained} where ${claimed} is claimed, with ${allowed}`,
      claim: claim("number", claimed, { tolerance }),
      observation: { found: true, value: Number(obtained), text: obtained },
      state: FINE,
      expected,
    };
  }
}

function* texts(): Generator<Case> {
  const group = "texts";
  const hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const sha = { from: "train/model.safetensors#sha256" };
  const cases: [about: string, PlainClaim, Observation, Verdict][] = [
    ["the same text", claim("text", "resnet18"), json('"resnet18"'), "identical"],
    ["capitals matter in a text", claim("text", "resnet18"), json('"ResNet18"'), "different"],
    ["blanks matter in a text", claim("text", "resnet18"), json('"resnet18 "'), "different"],
    ["a number is no text", claim("text", "18"), json("18"), "missing"],
    ["a cell is a text, also where it reads as a number", claim("text", "18", CSV), cell("18"), "identical"],
    ["true is true", claim("boolean", "true"), json("true"), "identical"],
    ["Python writes True", claim("boolean", "true", CSV), cell("True"), "identical"],
    ["true is not false", claim("boolean", "true"), json("false"), "different"],
    ["a text is not true or false", claim("boolean", "true"), json('"true"'), "missing"],
    ["a number is not true or false", claim("boolean", "true"), json("1"), "missing"],
    ["the same hash", claim("text", hash, sha), cell(hash), "identical"],
    ["capitals mean nothing in a hash", claim("text", hash.toUpperCase(), sha), cell(hash), "identical"],
    ["another hash", claim("text", hash, sha), cell(hash.replace("e", "f")), "different"],
    ["control characters are not shown", claim("text", "a"), json('"\\u001b[31mred"'), "different"],
    ["a long text is cut", claim("text", "a"), json(JSON.stringify("long ".repeat(40))), "different"],
    [
      "emoji are cut between their halves or not at all",
      claim("text", "a"),
      json(`"${"x".repeat(58)}👍👍"`),
      "different",
    ],
    ["letters of other scripts", claim("text", "精度"), json('"精度"'), "identical"],
    ["a number in a text of JSON", claim("number", "5"), json('"5"'), "missing"],
    ["true is no number", claim("number", "1"), json("true"), "missing"],
    ["a cell that is a number", claim("number", "5.0", CSV), cell("5"), "identical"],
    ["blanks around a cell", claim("number", "5.0", CSV), cell(" 5.01\t"), "identical"],
    ["no-break spaces around a cell", claim("number", "5.0", CSV), cell("\u00a05.0\u2003"), "identical"],
    [
      "the claim's unit behind a cell",
      claim("number", "86.11", { ...CSV, unit: "%" }),
      cell("86.11 %"),
      "identical",
    ],
    ["another unit", claim("number", "86.11", { ...CSV, unit: "%" }), cell("86.11 ms"), "missing"],
    ["a unit that the claim has not", claim("number", "86.11", CSV), cell("86.11 ms"), "missing"],
    ["a percent sign in a cell", claim("number", "86.11", CSV), cell("86.11%"), "identical"],
    ["a cell with its spread", claim("number", "94.1", CSV), cell("94.1 ± 0.2"), "identical"],
    ["an emphasized cell", claim("number", "94.1", CSV), cell("**94.1** (0.2)"), "identical"],
    [
      "a string with the claim's unit",
      claim("number", "86.11", { unit: "%" }),
      json('"86.11 %"'),
      "identical",
    ],
    ["a string with a unit that the claim has not", claim("number", "86.11"), json('"86.11 %"'), "missing"],
    ["nothing in a cell", claim("number", "5", CSV), cell("  "), "missing"],
    ["nan", claim("number", "5", CSV), cell("NaN"), "missing"],
    ["minus infinity", claim("number", "5", CSV), cell("-inf"), "missing"],
    ["a decimal comma", claim("number", "5.5", CSV), cell("5,5"), "missing"],
    ["thousands with a separator", claim("number", "1234", CSV), cell("1,234"), "missing"],
    ["thousands with blanks", claim("number", "1234567", CSV), cell("1 234 567.0"), "missing"],
    ["hexadecimal digits", claim("number", "31", CSV), cell("0x1F"), "missing"],
    ["digits of another script", claim("number", "5", CSV), cell("٥"), "missing"],
    ["words", claim("number", "5", CSV), cell("five"), "missing"],
    [
      "what a step printed",
      claim("number", "5.1", { from: "train~/acc: (\\S+)/" }),
      cell("5.12"),
      "identical",
    ],
    [
      "a notebook's output",
      claim("number", "5.1", { from: "n/n.ipynb~/acc: (\\S+)/" }),
      cell("5.2"),
      "different",
    ],
  ];
  for (const [about, claim, observation, expected] of cases) {
    yield { group, about, claim, observation, state: FINE, expected };
  }
}

/** Another figure than published, of which so much looks different. */
function* figures(): Generator<Case> {
  const hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const cases: [distance: number | string, allowed: number | undefined, Verdict][] = [
    [0.001, 0.01, "within tolerance"],
    [0.01, 0.01, "within tolerance"],
    [0.012345, 0.01, "different"],
    [1 / 3, 0.5, "within tolerance"],
    [0.5, undefined, "different"],
    ["it has 640 × 480 pixels, not 320 × 240", 0.01, "different"],
  ];
  for (const [distance, allowed, expected] of cases) {
    const tolerance = allowed === undefined ? [] : within({ absolute: allowed });
    const observation = { ...cell(hash.replace("e", "f")), distance } as Observation;
    yield {
      group: "texts",
      about: `a figure that is another by ${distance}, where ${allowed ?? "nothing"} is allowed`,
      claim: claim("text", hash, { from: "plot/curve.png#image", tolerance }),
      observation,
      state: FINE,
      expected,
    };
  }
}

function* ranges(): Generator<Case> {
  const group = "ranges";
  const cases: [
    value: { least?: string; most?: string },
    of: number | undefined,
    obtained: string,
    Verdict,
  ][] = [
    [{ least: "94" }, undefined, "94", "within tolerance"],
    [{ least: "94" }, undefined, "94.0000001", "within tolerance"],
    [{ least: "94" }, undefined, "93.9999999", "different"],
    [{ most: "0.1" }, undefined, "0.1", "within tolerance"],
    [{ most: "0.1" }, undefined, "0.10", "within tolerance"],
    [{ most: "0.1" }, undefined, "0.1000001", "different"],
    [{ most: "-1" }, undefined, "-1.5", "within tolerance"],
    [{ least: "93", most: "95.5" }, undefined, "93", "within tolerance"],
    [{ least: "93", most: "95.5" }, undefined, "95.5", "within tolerance"],
    [{ least: "93", most: "95.5" }, undefined, "95.51", "different"],
    [{ least: "93", most: "95.5" }, undefined, "92.9", "different"],
    [{ least: "86.11" }, 540, "86.11111111111111", "within tolerance"],
    [{ least: "86.11" }, 540, "86.30", "within tolerance"],
    [{ least: "86.11" }, 540, "85.93", "different"],
    [{ most: "86.11" }, 540, "85.93", "within tolerance"],
    [{ most: "86.11" }, 540, "86.30", "different"],
    [{ least: "85.93", most: "86.30" }, 540, "86.11", "within tolerance"],
    [{ least: "86.11" }, 540, "86.2", "different"],
    [{ least: "86.11" }, 540, "86.0", "missing"],
    [{ least: "50" }, 2, "50.0", "within tolerance"],
  ];
  for (const [value, of, obtained, expected] of cases) {
    const words = Object.entries(value).map(([end, text]) => `at ${end} ${text}`).join(" and ");
    yield {
      group,
      about: `${obtained} where ${words} is claimed${of === undefined ? "" : `, counted of ${of}`}`,
      claim: claim("range", value, of === undefined ? {} : { of }),
      observation: json(obtained),
      state: FINE,
      expected,
    };
  }
  for (const observation of [json("true"), json('"94"'), list("94")]) {
    const about = "what is no number, where a range is claimed";
    yield {
      group,
      about,
      claim: claim("range", { least: "94" }),
      observation,
      state: FINE,
      expected: "missing",
    };
  }
}

function* curves(): Generator<Case> {
  const group = "curves";
  const base = { group, state: FINE };
  const points = ["48.89", "68.15", "76.11"];
  const from = { from: "train/metrics.json#/accuracy" };
  const one = { ...from, of: 540, tolerance: within({ samples: 1 }) };
  const cases: [about: string, Partial<PlainClaim>, string[], Verdict][] = [
    ["the same points", from, points, "identical"],
    ["the same counts, with all digits", one, [
      "48.888888888888886",
      "68.14814814814815",
      "76.11111111111111",
    ], "identical"],
    ["one sample at one point", one, ["48.89", "68.33", "76.11"], "within tolerance"],
    ["two samples at one point", one, ["48.89", "68.52", "76.11"], "different"],
    ["the largest of several deviations decides", one, ["49.07", "68.15", "75.56"], "different"],
    ["a point that is no count", one, ["48.89", "68.2", "76.11"], "different"],
    ["a point that stands for several counts", one, ["48.89", "68.0", "76.11"], "missing"],
    ["a point away, without a tolerance", from, ["48.89", "68.16", "76.11"], "different"],
    ["points away by what is allowed", { ...from, tolerance: within({ absolute: 0.1 }) }, [
      "48.99",
      "68.05",
      "76.11",
    ], "within tolerance"],
    ["a relative tolerance is of each point", { ...from, tolerance: within({ relative: 0.01 }) }, [
      "49.37",
      "68.15",
      "75.36",
    ], "within tolerance"],
    ["the largest part of a value decides", { ...from, tolerance: within({ relative: 0.001 }) }, [
      "49.37",
      "68.15",
      "76.90",
    ], "different"],
    ["too few points", from, ["48.89", "68.15"], "missing"],
    ["too many points", from, [...points, "79.63"], "missing"],
    ["no points", from, [], "missing"],
  ];
  for (const [about, more, found, expected] of cases) {
    yield { ...base, about, claim: claim("curve", points, more), observation: list(...found), expected };
  }
  const text: Observation = { found: true, list: points.map((text) => ({ value: text, text })) };
  yield {
    ...base,
    about: "texts in a list of JSON",
    claim: claim("curve", points),
    observation: text,
    expected: "missing",
  };
  const csv = { from: "train/history.csv#accuracy" };
  yield {
    ...base,
    about: "cells of a column",
    claim: claim("curve", points, csv),
    observation: text,
    expected: "identical",
  };
  yield {
    ...base,
    about: "one value for a curve",
    claim: claim("curve", points),
    observation: json("48.89"),
    expected: "missing",
  };
  yield {
    ...base,
    about: "a curve for one value",
    claim: claim("number", "48.89"),
    observation: list("48.89"),
    expected: "missing",
  };
  yield {
    ...base,
    about: "a curve of one point",
    claim: claim("curve", ["1"]),
    observation: list("1"),
    expected: "identical",
  };
  yield {
    ...base,
    about: "a curve of counts",
    claim: claim("curve", ["3", "4"], { tolerance: within({ samples: 1 }) }),
    observation: list("3", "5"),
    expected: "within tolerance",
  };
}

function* states(): Generator<Case> {
  const group = "states";
  const base = { group, claim: claim("number", "99.44", { of: 360, tolerance: within({ samples: 1 }) }) };
  const same = json("99.44");
  const failed = (status: "failed" | "interrupted" | "not run", detail: string): RunState => ({
    ...FINE,
    failedSteps: [{ step: "train", status, detail }],
  });
  const other: RunState = {
    ...FINE,
    failedSteps: [{ step: "test", status: "failed", detail: "exit code 1" }],
  };
  const changed: RunState = { ...FINE, parametersChanged: ["epochs", "seed"] };
  yield { ...base, about: "nobody looked", observation: null, state: FINE, expected: "missing" };
  const looked = {
    found: false,
    looked: "train/metrics.json#/accuracy",
    reason: "train has no metrics.json",
  } as const;
  yield { ...base, about: "nothing was there", observation: looked, state: FINE, expected: "missing" };
  yield {
    ...base,
    about: "the claim's step failed",
    observation: same,
    state: failed("failed", "exit code 1"),
    expected: "missing",
  };
  yield {
    ...base,
    about: "the claim's step failed, nobody knows why",
    observation: same,
    state: failed("failed", ""),
    expected: "missing",
  };
  yield {
    ...base,
    about: "the claim's step was interrupted",
    observation: same,
    state: failed("interrupted", "stopped by SIGINT"),
    expected: "missing",
  };
  yield {
    ...base,
    about: "the claim's step was not run",
    observation: null,
    state: failed("not run", ""),
    expected: "missing",
  };
  yield { ...base, about: "another step failed", observation: same, state: other, expected: "identical" };
  yield {
    ...base,
    about: "parameters were changed",
    observation: json("50.00"),
    state: changed,
    expected: "not applicable",
  };
  yield {
    ...base,
    about: "parameters were changed, and nothing was there",
    observation: null,
    state: changed,
    expected: "not applicable",
  };
  yield {
    ...base,
    about: "parameters were changed, and a step failed",
    observation: same,
    state: { ...failed("failed", "exit code 1"), parametersChanged: ["seed"] },
    expected: "missing",
  };
  yield {
    group,
    about: "parameters were changed, under a curve",
    claim: claim("curve", ["1", "2"]),
    observation: list("1", "3"),
    state: changed,
    expected: "not applicable",
  };
  const seeds = claim("number", "94.1", { over: { kind: "mean" } });
  yield {
    group,
    about: "a claim over seeds is not judged by one run",
    claim: seeds,
    observation: json("94.1"),
    state: FINE,
    expected: "not applicable",
  };
  const mean = claim("mean", { mean: "94.1", std: "0.2", n: 5 });
  yield {
    group,
    about: "a mean of runs is not judged by one",
    claim: mean,
    observation: json("94.1234"),
    state: FINE,
    expected: "not applicable",
  };
  yield {
    group,
    about: "a mean of runs, and no number",
    claim: mean,
    observation: json("true"),
    state: FINE,
    expected: "missing",
  };
}

function* classes(): Generator<Case> {
  const group = "classes";
  const image = { name: "cschranz/gpu-jupyter:v1.10", digest: "sha256:aa", id: "sha256:11" };
  const authors = { image, gpu: "NVIDIA A100", driver: "575.57", device: "cuda" } as const;
  const environments: [string, NonNullable<RunState["conditions"]>[string]["run"]][] = [
    ["the authors' own environment", authors],
    ["another GPU", { ...authors, gpu: "NVIDIA H100" }],
    ["another driver", { ...authors, driver: "580.95" }],
    ["a CPU", { image, gpu: "none", driver: "none", device: "cpu" }],
    ["another image", { ...authors, image: { name: "other", digest: "sha256:bb" } }],
    ["the same image by its id on another engine", { ...authors, image: { name: "copy", id: "sha256:aa" } }],
    ["the same image by name alone", { ...authors, image: { name: image.name } }],
    ["an environment of which nothing is known", {}],
  ];
  const tolerances: [string, Tolerance[], Verdict[]][] = [
    ["one class for the same image and GPU", [
      { samples: 0, because: "same machine", when: { image: "same", gpu: "same" } },
      { samples: 2, because: "others" },
    ], [
      "different",
      "within tolerance",
      "different",
      "within tolerance",
      "within tolerance",
      "different",
      "different",
      "within tolerance",
    ]],
    ["a class for CPUs, a provisional one for other GPUs", [
      { samples: 1, because: "CPUs", when: { device: "cpu" } },
      { samples: 3, because: "GPUs", when: { gpu: "other" }, provisional: true },
    ], [
      "within tolerance",
      "within tolerance",
      "within tolerance",
      "different",
      "within tolerance",
      "within tolerance",
      "within tolerance",
      "within tolerance",
    ]],
    ["a class for another driver", [
      { samples: 0, because: "none", when: { driver: "same" } },
      { samples: 2, because: "drivers", when: { driver: "other" } },
      { samples: 1, because: "by name", when: { gpu: "NVIDIA H100", driver: "1" } },
    ], [
      "different",
      "different",
      "within tolerance",
      "within tolerance",
      "different",
      "different",
      "different",
      "within tolerance",
    ]],
    ["a class for an image by its digest", [
      { samples: 2, because: "that image", when: { image: "sha256:aa" } },
      { samples: 0, because: "others", when: { image: "other" } },
    ], [
      "within tolerance",
      "within tolerance",
      "within tolerance",
      "within tolerance",
      "different",
      "within tolerance",
      "within tolerance",
      "within tolerance",
    ]],
  ];
  for (const [what, tolerance, verdicts] of tolerances) {
    for (const [index, [where, run]] of environments.entries()) {
      yield {
        group,
        about: `two samples away: ${what}, judged in ${where}`,
        claim: claim("number", "99.44", { of: 360, tolerance }),
        observation: json("98.89"),
        state: { ...FINE, conditions: { train: { run, authors } } },
        expected: verdicts[index]!,
      };
    }
  }
  const own = { samples: 1, because: "three runs", runs: [FINE.run!, "20260102T000000Z-bbbb"] };
  const judged = claim("number", "99.44", { of: 360, tolerance: [own] });
  yield {
    group,
    about: "a tolerance judges no run that it rests on",
    claim: judged,
    observation: json("99.17"),
    state: FINE,
    expected: "different",
  };
  yield {
    group,
    about: "a tolerance judges runs that it does not rest on",
    claim: judged,
    observation: json("99.17"),
    state: { ...FINE, run: "20260103T000000Z-cccc" },
    expected: "within tolerance",
  };
  yield {
    group,
    about: "the same value needs no tolerance",
    claim: judged,
    observation: json("99.44"),
    state: FINE,
    expected: "identical",
  };
  yield {
    group,
    about: "a run without a name",
    claim: judged,
    observation: json("99.17"),
    state: { ...FINE, run: undefined },
    expected: "within tolerance",
  };
}

/** All that are written into test/vectors. */
export function* cases(): Generator<Case> {
  yield* percentages();
  yield* numbers();
  yield* texts();
  yield* figures();
  yield* ranges();
  yield* curves();
  yield* states();
  yield* classes();
}

/** Vectors of all kinds by chance, the same ones for the same seed. */
export function* randomVectors(count: number, seed: number): Generator<Vector> {
  const random = new Random(seed);
  for (let index = 0; index < count; index++) {
    const [claim, observation] = random.claim();
    const vector = { claim, observation, state: random.state() };
    yield { about: `by chance, ${index}`, ...vector, verdict: judged(vector) };
  }
}

const UNITS = ["%", "ms", "images"];

const ODD = [
  "",
  " ",
  "nan",
  "-inf",
  "Infinity",
  "1,234",
  "1'234",
  "12,5",
  "0x10",
  "five",
  "1e",
  ".",
  "-",
  "1.2.3",
  "5 ms",
  "86.11%",
  "٣",
  "1 234",
  "--1",
  "1e999999999",
];

const RUNS = ["20260101T000000Z-aaaa", "20260102T000000Z-bbbb"];

class Random {
  constructor(private seed: number) {}

  /** mulberry32 */
  next(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<T>(of: readonly T[]): T {
    return of[this.int(0, of.length - 1)]!;
  }

  maybe<T>(value: () => T, chance = 0.5): T | undefined {
    return this.next() < chance ? value() : undefined;
  }

  decimal(): string {
    const whole = this.int(0, 10 ** this.int(0, 6));
    const decimals = this.int(0, 6);
    const sign = this.next() < 0.1 ? "-" : "";
    const fraction = decimals === 0
      ? ""
      : `.${String(this.int(0, 10 ** decimals - 1)).padStart(decimals, "0")}`;
    const exponent = this.next() < 0.08 ? `e${this.int(-30, 30)}` : "";
    return `${sign}${whole}${fraction}${exponent}`;
  }

  /** A number near another, written in one of the ways in which programs write numbers. */
  near(text: string): string {
    const value = Number(text) + this.pick([0, 0, 0.5, -0.5, 0.005, 1, -1, 2]) * 10 ** -this.int(0, 4);
    switch (this.int(0, 6)) {
      case 0:
        return text;
      case 1:
        return String(value);
      case 2:
        return String(Math.fround(value));
      case 3:
        return value.toExponential(this.int(0, 20));
      case 4:
        return Number.isFinite(value) && Math.abs(value) < 1e20 ? value.toFixed(this.int(0, 8)) : text;
      case 5:
        return `${text.replace(/e.*/, "")}${text.includes(".") ? "" : "."}${this.int(0, 999)}`;
      default:
        return this.decimal();
    }
  }

  percentage(n: number, count: number, decimals: number): string {
    const value = 100 * count / n;
    switch (this.int(0, 5)) {
      case 0:
        return String(value);
      case 1:
        return String(Math.fround(value));
      case 2:
        return value.toExponential(this.int(1, 19));
      case 3:
        return value.toFixed(this.int(0, 6));
      case 4:
        return String(Math.fround(Number(value.toFixed(decimals))));
      default:
        return value.toFixed(decimals);
    }
  }

  claim(): [PlainClaim, Observation | null] {
    const source = this.pick([
      "train/metrics.json#/accuracy",
      "train/history.csv?epoch=10#accuracy",
      "train~/acc: (\\S+)/",
      "train/log.jsonl#/loss[-1]",
      "train/r.md?Model=A#Top-1",
      "train/a.yaml#/x",
      "train/n.ipynb~/a (.*)/",
    ]);
    const base = {
      name: "accuracy",
      from: source,
      tolerance: this.tolerance(),
      ...this.unit(),
      ...this.over(),
    };
    const kind = this.int(0, 9);
    if (kind <= 2) return this.counted(base);
    if (kind <= 5) {
      const value = this.decimal();
      return [{ ...base, type: "number", value }, this.observation(() => this.near(value))];
    }
    if (kind === 6) return this.curve(base);
    if (kind === 7) {
      const ends = [this.decimal(), this.decimal()].sort((a, b) => Number(a) - Number(b));
      const value = this.pick([{ least: ends[0] }, { most: ends[1] }, { least: ends[0], most: ends[1] }]);
      return [
        { ...base, tolerance: [], type: "range", value },
        this.observation(() => this.near(this.pick(ends))),
      ];
    }
    if (kind === 8) {
      const value = this.pick(["resnet18", "true", "True", "精度", "x".repeat(70), "a\tb"]);
      const type = /^true$/i.test(value) ? this.pick(["text", "boolean"] as const) : "text";
      const found = () => this.pick([value, value.toUpperCase(), "other", "5", `${value}👍`]);
      return [{ ...base, tolerance: [], type, value }, this.observation(found)];
    }
    const mean = { mean: this.decimal(), std: "0.2", n: this.int(2, 9) };
    return [
      { ...base, tolerance: [], type: "mean", value: mean },
      this.observation(() => this.near(mean.mean)),
    ];
  }

  over(): Pick<PlainClaim, "over"> {
    return this.next() < 0.02 ? { over: { kind: "max" } } : {};
  }

  unit(): { unit?: string } {
    const unit = this.maybe(() => this.pick(UNITS), 0.3);
    return unit === undefined ? {} : { unit };
  }

  counted(base: Omit<PlainClaim, "type" | "value">): [PlainClaim, Observation | null] {
    const n = this.pick([1, 2, 3, 7, 64, 71, 100, 360, 540, 2160, 9999, 27000, this.int(1, 100000)]);
    const count = this.int(0, n);
    const decimals = this.int(0, 4);
    const near = Math.min(n, Math.max(0, count + this.int(-2, 2)));
    const claimed = (100 * count / n).toFixed(decimals);
    const found = () => this.pick([() => this.percentage(n, near, decimals), () => this.near(claimed)])();
    if (this.next() < 0.2) {
      const value = this.pick([{ least: claimed }, { most: claimed }]);
      return [{ ...base, tolerance: [], type: "range", value, of: n }, this.observation(found)];
    }
    return [{ ...base, type: "number", value: claimed, of: n }, this.observation(found)];
  }

  curve(base: Omit<PlainClaim, "type" | "value">): [PlainClaim, Observation | null] {
    const length = this.int(1, 6);
    const isCounted = this.next() < 0.5;
    const n = this.pick([360, 540, 71]);
    const counts = Array.from({ length }, () => this.int(0, n));
    const value = counts.map((count) => isCounted ? (100 * count / n).toFixed(2) : this.decimal());
    const list = value.map((text, index) =>
      isCounted && this.next() < 0.8
        ? this.percentage(n, Math.min(n, Math.max(0, counts[index]! + this.int(-1, 1))), 2)
        : this.near(text)
    );
    if (this.next() < 0.1) list.pop();
    const claim: PlainClaim = { ...base, type: "curve", value, ...(isCounted ? { of: n } : {}) };
    if (this.next() < 0.05) return [claim, this.observation(() => list[0] ?? "1")];
    return [claim, { found: true, list: list.map((text) => this.found(text)) }];
  }

  found(text: string): { value: number | string; text: string } {
    const isNumber = this.next() < 0.5 && Number.isFinite(Number(text)) && text !== "";
    return { value: isNumber ? Number(text) : text, text };
  }

  observation(found: () => string): Observation | null {
    const chance = this.next();
    if (chance < 0.02) return null;
    if (chance < 0.04) return { found: false, looked: "train/x.json#/y", reason: "train has no x.json" };
    if (chance < 0.06) return { found: true, list: [this.found(found())] };
    if (chance < 0.08) return { found: true, value: true, text: "true" };
    const unit = this.next() < 0.1 ? ` ${this.pick(UNITS)}` : "";
    const text = chance < 0.16 ? this.pick(ODD) : found() + unit;
    return { found: true, ...this.found(text) };
  }

  tolerance(): Tolerance[] {
    const kind = this.pick(["samples", "absolute", "relative"] as const);
    const bound = () =>
      kind === "samples" ? this.int(0, 3) : this.pick([0, 0.01, 0.001, 0.5, 1e-7, 2.5e-8, 1, 12.5, 1e21]);
    const one = (): Tolerance => ({
      [kind]: bound(),
      because: this.pick(["threads", "seeds: published/spread.json"]),
      ...(this.next() < 0.2 ? { provisional: true } : {}),
      ...(this.next() < 0.2 ? { runs: [this.pick(RUNS)] } : {}),
    });
    if (this.next() < 0.3) return [];
    if (this.next() < 0.6) return [one()];
    return Array.from(
      { length: this.int(1, 3) },
      () => ({ ...one(), ...(this.next() < 0.8 ? { when: this.when() } : {}) }),
    );
  }

  when(): NonNullable<Tolerance["when"]> {
    const image = this.maybe(() => this.pick(["same", "other", "a:1", "sha256:aa", "a:1@sha256:aa"]), 0.4);
    const gpu = this.maybe(() => this.pick(["same", "other", "NVIDIA A100"]), 0.4);
    const driver = this.maybe(() => this.pick(["same", "other", "575"]), 0.2);
    const device = this.maybe(() => this.pick(["same", "other", "cpu", "cuda"]), 0.4);
    return JSON.parse(JSON.stringify({ image, gpu, driver, device }));
  }

  conditions(): NonNullable<RunState["conditions"]>[string]["run"] {
    const image = this.maybe(() =>
      JSON.parse(JSON.stringify({
        name: this.pick(["a:1", "b:2", "none"]),
        digest: this.maybe(() => this.pick(["sha256:aa", "sha256:bb"])),
        id: this.maybe(() => this.pick(["sha256:aa", "sha256:cc"])),
        config: this.maybe(() => this.pick(["sha256:c1", "sha256:c2"]), 0.2),
        layers: this.maybe(() => this.pick(["sha256:l1", "sha256:l2"]), 0.2),
      })), 0.8);
    const device = this.maybe(() => this.pick(["cpu", "cuda"] as const), 0.8);
    const gpu = this.maybe(() => this.pick(["none", "NVIDIA A100", "NVIDIA H100"]), 0.8);
    const driver = this.maybe(() => this.pick(["none", "575", "580"]), 0.8);
    return JSON.parse(JSON.stringify({ image, device, gpu, driver }));
  }

  state(): RunState {
    const conditions = this.next() < 0.7
      ? { conditions: { train: { run: this.conditions(), authors: this.conditions() } } }
      : {};
    const status = this.pick(["failed", "interrupted", "not run"] as const);
    const failed = this.next() < 0.03
      ? [{ step: this.pick(["train", "test"]), status, detail: this.pick(["", "exit code 1"]) }]
      : [];
    const changed = this.next() < 0.03 ? ["seed"] : [];
    const run = this.maybe(() => ({ run: this.pick(RUNS) }), 0.9) ?? {};
    return { ...run, parametersChanged: changed, failedSteps: failed, ...conditions };
  }
}

/** Writes test/vectors anew: `deno run -RW test/support/vectors.ts`. */
async function writeVectors(folder: string) {
  const numbers = new Map<string, number>();
  const wrong: string[] = [];
  for (const { group, expected, ...vector } of cases()) {
    const verdict = judged(vector);
    if (verdict.verdict !== expected) {
      wrong.push(`${vector.about}: ${verdict.verdict} (${verdict.detail}), not ${expected}`);
    }
    const number = (numbers.get(group) ?? 0) + 1;
    numbers.set(group, number);
    await Deno.mkdir(`${folder}/${group}`, { recursive: true });
    const text = JSON.stringify({ ...vector, verdict }, null, 2) + "\n";
    await Deno.writeTextFile(`${folder}/${group}/${String(number).padStart(3, "0")}.json`, text);
  }
  if (wrong.length > 0) {
    throw new Error(`What was written by hand is not what was judged:\n${wrong.join("\n")}`);
  }
  console.log([...numbers].map(([group, count]) => `${group}: ${count}`).join(", "));
}

if (import.meta.main) await writeVectors(new URL("../vectors", import.meta.url).pathname);
