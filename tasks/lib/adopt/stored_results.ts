/** Values in result files that came with the repository, as claims of the step that writes them. */

import { join } from "node:path";
import type { RunFiles } from "../sources/source.ts";
import { SOURCE_KINDS } from "../sources/kinds.ts";
import { checkSource, parseSource, readFrom } from "../sources/sources.ts";
import type { ClaimDraft, Found, StepDraft } from "./draft.ts";
import { printedClaims, toleranceFor } from "./printed_claims.ts";
import type { Repository } from "./repository.ts";

/** What holds results by its name, where no step says that it writes it. */
const RESULT =
  /(?:^|\/)(?:[\w-]*(?:metrics?|results?|scores?|history|summary|evaluation)[\w-]*|log|training)\.(?:json|csv|tsv|txt|ya?ml|toml)$/i;

/** What went in, and did not come out. */
const SETTINGS =
  /(?:^|\/)(?:hyper)?(?:params?|parameters|config|settings|args|arguments|options|requirements)\.\w+$/i;

/** A file of results is small; a table with more rows is data. */
const LARGEST = 1_000_000;

const MOST_POINTS = 200;

/** Of one file. */
const MOST_VALUES = 20;

/** A column or key that counts, names or times. */
const NO_RESULT =
  /(?:^|[/#_\s])(?:epochs?|steps?|iter(?:ation)?s?|index|id|idx|seed|time\w*|date\w*|duration|seconds?|runtime|\w*_time|lr|learning_rate|batch\w*|version|created\w*|timestamp|Unnamed.*|x|y|n_?jobs|start|end)(?:\/-?\d+)?$/i;

/** @param steps those that are proposed, with their outputs */
export async function storedResults(
  repository: Repository,
  steps: StepDraft[],
): Promise<Found<ClaimDraft>[]> {
  const claims: Found<ClaimDraft>[] = [];
  const isBelow = (path: string, output: string) => path === output || path.startsWith(`${output}/`);
  const last = steps.at(-1);
  for (const path of repository.files) {
    const step = steps.find(({ outputs }) => outputs.some((output) => isBelow(path, output)));
    if (SETTINGS.test(path)) continue;
    const isResult = RESULT.test(path) && !/(?:^|\/)(?:package|tsconfig|\.[^/]*)/.test(path);
    const isData = /^(?:data|datasets?|tests?)\//.test(path);
    if (step === undefined && (!isResult || isData || last === undefined)) continue;
    const doubt = step === undefined ? "no step is known to write it" : undefined;
    claims.push(...await claimsIn(repository, path, (step ?? last!).name, doubt));
  }
  return [...claims, ...mlflowMetrics(repository, steps)];
}

/** Metrics of the one run in MLflow's file store, of the step that imports MLflow; of several nobody can tell which. */
function mlflowMetrics(repository: Repository, steps: StepDraft[]): Found<ClaimDraft>[] {
  const step = steps.find(({ outputs }) => outputs.includes("mlruns"));
  const files = repository.named(/^mlruns\/[^/]+\/[^/]+\/metrics\/[^/]+$/);
  const runs = new Set(files.map((path) => path.split("/")[2]));
  if (step === undefined || runs.size !== 1) return [];
  return files.flatMap((path): Found<ClaimDraft>[] => {
    const metric = path.split("/").at(-1)!;
    // A line is a time, a value and a step.
    const value = repository.text(path)?.trim().split("\n").at(-1)?.split(/\s+/)[1];
    if (value === undefined || NO_RESULT.test(metric) || !Number.isFinite(Number(value))) return [];
    const claim = { name: `${metric}, mlruns`, from: `${step.name}/mlruns#${metric}[-1]`, value };
    return [{ value: claim, found: path, certainty: "read" }];
  });
}

async function claimsIn(
  repository: Repository,
  path: string,
  step: string,
  doubt: string | undefined,
): Promise<Found<ClaimDraft>[]> {
  const info = Deno.statSync(join(repository.root, path));
  if (info.size > LARGEST) return [];
  if (/\.(?:txt|log|out)$/i.test(path)) return await printedIn(repository, path, step, doubt);
  if (!/\.(?:json|csv|tsv)$/i.test(path)) return [];
  const text = repository.text(path) ?? "";
  const files = { text: () => Promise.resolve(text) } as unknown as RunFiles;
  const claims: Found<ClaimDraft>[] = [];
  for (const place of await placesIn(path, text)) {
    if (NO_RESULT.test(place) || claims.length >= MOST_VALUES) continue;
    // The last of a curve that is claimed as a whole.
    if (
      place.endsWith("/-1") && claims.some(({ value }) => `${value.from}/-1` === `${step}/${path}${place}`)
    ) continue;
    const value = await claimAt(`${step}/${path}${place}`, files);
    if (value === undefined) continue;
    const name = `${place.replace(/^#\/?/, "").replaceAll("/", " ")}, ${path.split("/").at(-1)}`;
    claims.push({
      value: { name, ...value, ...toleranceFor(value.value), ...(doubt !== undefined && { doubt }) },
      found: path,
      certainty: "read",
    });
  }
  return claims;
}

/** Lines of a text: `Accuracy: 0.872`. */
async function printedIn(
  repository: Repository,
  path: string,
  step: string,
  doubt: string | undefined,
): Promise<Found<ClaimDraft>[]> {
  const text = repository.text(path) ?? "";
  const lines = text.split("\n").map((line, index) => ({ text: line, found: `${path}:${index + 1}` }));
  const claims = await printedClaims(lines, `${step}/${path}`, text);
  return claims.slice(0, MOST_VALUES).map(({ value, ...rest }) => ({
    ...rest,
    value: {
      ...value,
      name: `${value.name}, ${path.split("/").at(-1)}`,
      ...(doubt !== undefined && { doubt }),
    },
  }));
}

async function placesIn(path: string, text: string): Promise<string[]> {
  for (const kind of SOURCE_KINDS) {
    const found = kind.suggest?.(path, () => Promise.resolve(text));
    if (found !== undefined) return await found.catch(() => []);
  }
  return [];
}

/** The value there, or the list; a long one is claimed by its last. */
async function claimAt(
  from: string,
  files: RunFiles,
): Promise<{ from: string; value: string | string[] } | undefined> {
  for (const form of ["value", "list"] as const) {
    const source = parseSource(from);
    if ("problem" in source) return undefined;
    try {
      const { values } = await readFrom(source, files, form);
      const texts = values.map(({ text }) => text);
      if (!texts.every((one) => /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(one))) return undefined;
      if (form === "value") {
        return checkSource(source, 0) === undefined ? { from, value: texts[0]! } : undefined;
      }
      if (texts.length > MOST_POINTS || texts.length === 0) return undefined;
      return { from, value: texts };
    } catch {
      // It is a list, or there is nothing.
    }
  }
}
