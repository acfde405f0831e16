/** A complete minimal project for an empty folder: it reproduces on every machine as it is. */

import { basename } from "node:path";
import type { Change } from "./changes.ts";
import { stepName } from "./draft.ts";
import type { Repository } from "./repository.ts";

/** Nothing but what says that something is to come. */
export function isEmpty({ files }: Repository): boolean {
  return files.every((path) => /^(?:readme|licen[cs]e|\.git)[^/]*$/i.test(path));
}

export function starter(repository: Repository): Change[] {
  const name = stepName(basename(repository.root));
  const files: [string, string][] = [
    ["experiment.yaml", EXPERIMENT.replace("NAME", name)],
    ["train.py", TRAIN],
    ["README.md", README.replace("NAME", name)],
  ];
  return files.filter(([path]) => !repository.has(path)).map(([path, after]) => ({ path, after }));
}

const EXPERIMENT =
  `# What runs, in which environment, and what is claimed to come out of it. \`deno task reproduce\` runs the steps and
# holds the claims against the results.
name: NAME
title: A line through noisy points

# The example needs nothing but Python. What yours needs goes into requirements.txt:
# environment:
#   requirements: requirements.txt
#   gpus: optional

parameters: { epochs: 20, seed: 23 }

steps:
  train:
    run: [python, train.py, --epochs, "{epochs}", --seed, "{seed}", --out, "{out}"]
    produces: [metrics.json]

claims:
  - name: slope after the last epoch
    from: train/metrics.json#/slope/-1
    value: 2.8370
  - name: mean squared error that was printed
    from: 'train~/error ([\\d.]+)/[-1]'
    value: 0.0190
`;

const TRAIN = `"""Fits a line through noisy points by gradient descent. Put your training in its place."""

import argparse
import json
import os
import random


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--out", default="out", help="folder for the results")
    args = parser.parse_args()
    random.seed(args.seed)
    points = [(i / 50 - 1, 3 * (i / 50 - 1) + 1 + random.gauss(0, 0.1)) for i in range(101)]
    slope = offset = 0.0
    slopes = []
    for epoch in range(1, args.epochs + 1):
        errors = [slope * x + offset - y for x, y in points]
        slope -= 0.2 * 2 * sum(e * x for e, (x, _) in zip(errors, points)) / len(points)
        offset -= 0.2 * 2 * sum(errors) / len(points)
        slopes.append(round(slope, 4))
        error = sum((slope * x + offset - y) ** 2 for x, y in points) / len(points)
        print(f"epoch {epoch}: error {error:.4f}")
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "metrics.json"), "w") as file:
        json.dump({"slope": slopes}, file)


if __name__ == "__main__":
    main()
`;

const README = `# NAME

To run the experiment and check its published numbers:

\`\`\`sh
deno task reproduce
\`\`\`

\`experiment.yaml\` says what runs and what is claimed.
`;
