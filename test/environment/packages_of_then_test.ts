/** `environment.as_of`: the packages of a day. */

import assert from "node:assert/strict";
import type { Failure } from "../../tasks/lib/cli/failure.ts";
import { dayFor, pythonsOn, uvArguments } from "../../tasks/lib/environment/packages_of_then.ts";
import { environmentRequest } from "../../tasks/lib/environment/environment.ts";
import { findSource } from "../../tasks/lib/environment/source.ts";
import { parseExperiment } from "../../tasks/lib/experiment/parse.ts";
import type { Host } from "../../tasks/lib/system/host.ts";
import { Project } from "../support/project.ts";

const experiment = (asOf: string) =>
  `name: a\nenvironment:\n  requirements: requirements.txt\n  as_of: ${asOf}\nsteps: { a: { run: [python, a.py] } }\n`;

Deno.test("pythonsOn() and dayFor() keep a day and a Python that had packages then together", () => {
  assert.deepEqual(pythonsOn("2022-09-29"), { oldest: "3.8", newest: "3.10" });
  assert.deepEqual(pythonsOn("2015-01-01"), { oldest: "3.8", newest: "3.8" });
  assert.deepEqual(pythonsOn("2030-01-01").newest, "3.14");
  assert.equal(dayFor("2022-09-29", "3.10.13"), "2022-09-29");
  assert.equal(dayFor("2022-09-29", "3.11.7"), "2023-04-24"); // 3.11 came out a month later
  assert.equal(dayFor("2015-01-01", "3.8.18"), "2020-01-15");
  assert.equal(dayFor("2022-09-29", "3.99.0"), "2022-09-29");
});

Deno.test("uvArguments() limits all but PyTorch, whose index tells no days, and what builds folders in place", () => {
  assert.deepEqual(uvArguments(undefined, "3.11.7"), []);
  const words = uvArguments("2021-04-16", "3.9.18");
  assert.deepEqual(words.slice(0, 2), ["--exclude-newer", "2021-04-16T23:59:59Z"]);
  assert.ok(words.includes("torch=false"));
  assert.ok(words.includes("setuptools=2022-09-01T23:59:59Z"));
  assert.ok(!uvArguments("2024-01-01", "3.11.7").some((word) => word.startsWith("setuptools")));
});

Deno.test("as_of reaches the environment, and is refused where it is no day", async () => {
  await using project = await Project.make({ "requirements.txt": "six\n" });
  const file = project.path("experiment.yaml");
  const parsed = parseExperiment(experiment("2022-09-29"), file, project.root);
  assert.equal(environmentRequest(parsed, { gpus: [] } as unknown as Host).asOf, "2022-09-29");
  for (const wrong of ["2022", "2022-13-01", "yesterday", "20220929"]) {
    assert.throws(
      () => parseExperiment(experiment(wrong), file, project.root),
      (error: Failure) => /as_of must be a day in the past/.test(error.details.problems![0]!.message),
    );
  }
});

Deno.test("as_of is refused for what is made by its own tool", async () => {
  const files = {
    "environment.yml": "dependencies: [numpy]\n",
    "requirements.txt": "six\n",
    "Pipfile.lock": "{}",
  };
  await using project = await Project.make(files);
  const look = (file: string) => findSource(project.root, [file], { asOf: "2022-09-29" }, () => {});
  for (const file of ["environment.yml", "Pipfile.lock"]) {
    await assert.rejects(look(file), /as_of must be left out, since \S+ is resolved by its own tool/);
  }
  assert.deepEqual((await look("requirements.txt")).files, [project.path("requirements.txt")]);
});
