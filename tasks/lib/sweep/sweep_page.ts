/** report.html of a sweep: the claims over seeds first, each with its strip of seeds. */

import { join } from "node:path";
import { duration, pluralize } from "../cli/format.ts";
import { asCalled } from "../cli/program.ts";
import type { FoundSweep, Member } from "../record/sweep_record.ts";
import type { Check } from "../record/verdict.ts";
import { code, document, factList, pill, section, table } from "../report/components.ts";
import { cut, type Html, html } from "../report/html.ts";
import { SIGNS, type Tone, toneOfVerdict } from "../report/outcome.ts";
import { renderChart } from "../report/render_chart.ts";
import { withUnit } from "../report/text.ts";
import { writeIndex } from "../report/write.ts";
import { writeAtomic } from "../system/files.ts";
import { effectsOf } from "./effects.ts";
import { fanChart } from "./fan_chart.ts";
import { failuresByCause, type JudgedSweep } from "./judge_sweep.ts";
import { inWords } from "./members.ts";
import { type Fan, fansOf } from "./member_curves.ts";
import { MOST_RINGS, stripChart, stripOf } from "./strip_chart.ts";
import { conclusion } from "./tell_sweep.ts";

/** Members that are listed; all are in sweep.json. */
const MOST_ROWS = 500;

/** Characters of a text of others. */
const LONGEST = 300;

/**
 * Writes the page of a sweep, and the list of all runs where there is a folder of them.
 *
 * @param stated the sweep's verdict and receipt are written: the page is drawn meanwhile
 */
export async function writeSweepReport(
  sweep: FoundSweep,
  judged: JudgedSweep,
  runs: string | undefined,
  stated?: Promise<void>,
): Promise<string> {
  const path = join(sweep.directory, "report.html");
  const page = await sweepPage(sweep, judged, fansOf(sweep));
  await stated;
  await writeAtomic(path, page);
  if (runs !== undefined) await writeIndex(runs);
  return path;
}

/** The page as HTML. The same record makes the same bytes. */
export async function sweepPage(
  { record }: FoundSweep,
  judged: JudgedSweep,
  fans: readonly Fan[] = [],
): Promise<string> {
  const { members, experiment, status } = record;
  const { checks, altered, holds } = judged.verdict;
  const [title = "", detail = ""] = conclusion(status, judged).split(/: (.*)/s);
  const tone: Tone = holds ? "good" : altered.length > 0 || status === "failed" ? "bad" : worst(checks);
  const named = cut(experiment.title ?? experiment.name, LONGEST);
  const body = html`
    <header>
      <p class="kicker">Sweep report</p>
      <p class="experiment">${named}</p>
      <div class="verdict ${tone}">
        <span class="sign" aria-hidden="true">${SIGNS[tone]}</span>
        <div><h1>${title}</h1><p>${detail}</p></div>
      </div>
      ${altered.length > 0 &&
        html`<ul class="altered">${
          altered.slice(0, 20).map((what) => html`<li>${cut(what, LONGEST)}</li>`)
        }</ul>`}
      ${judged.notes.map((note) => html`<p>${note}</p>`)}
      ${factList(facts(record))}
    </header>
    <main>
      ${await claims(checks, judged)}
      ${effects(judged, record.seed)}
      ${await curves(fans)}
      ${failures(members)}
      ${memberTable(members)}
    </main>
    <footer>
      <p>Made from the record of the sweep ${record.sweep}. What counts is the record:
      <code>${asCalled("deno task sweep --show")}</code> checks it.</p>
    </footer>
  `;
  return await document(`${title}: ${named}`, body);
}

function worst(checks: readonly Check[]): Tone {
  return checks.some(({ verdict }) => verdict === "different") ? "bad" : "unsure";
}

function facts({ members, steps, attempts, created, seed }: FoundSweep["record"]): [string, string][] {
  const done = members.filter(({ status }) => status === "done");
  const seconds = done.reduce((sum, { seconds = 0 }) => sum + seconds, 0);
  const jobs = [...new Set(attempts.map(({ jobs }) => jobs))].join(", then ");
  return [
    ["Begun", created.slice(0, 10)],
    ["Members", `${done.length} of ${members.length} done`],
    ...(seed === undefined ? [] : [["Seeds", seed] as [string, string]]),
    ["Steps", steps.join(", ")],
    ["At a time", jobs],
    ["Time of the steps", `${duration(seconds)} in all`],
    ["GPU-hours", gpuHours(done, attempts)],
    ["Energy", energy(attempts)],
  ];
}

/** Each member has a GPU, or a share of one, while it runs. */
function gpuHours(done: readonly Member[], attempts: FoundSweep["record"]["attempts"]): string {
  const dealt = attempts.map(({ gpus = [] }) => gpus);
  if (dealt.every((gpus) => gpus.length === 0)) return "no GPU was dealt out";
  const shares = new Set(dealt.map((gpus) => gpus.length === 0 ? 0 : new Set(gpus).size / gpus.length));
  if (shares.size > 1) return "not known: the GPUs were dealt out in different ways";
  const hours = done.reduce((sum, { seconds = 0 }) => sum + seconds, 0) * [...shares][0]! / 3600;
  return `${hours.toFixed(hours < 1 ? 3 : 1)}, time of the steps × GPUs of each member`;
}

function energy(attempts: FoundSweep["record"]["attempts"]): string {
  const joules = attempts.map(({ joules }) => joules);
  if (joules.length === 0 || joules.some((one) => one === undefined)) return "not measured";
  const sum = joules.reduce<number>((sum, one) => sum + one!, 0);
  return `${
    (sum / 3.6e6).toFixed(4)
  } kWh by the processors' counters, all that the machine did included; GPUs not measured`;
}

function effects({ given, experiment }: JudgedSweep, seed: string | undefined): Html | false {
  const found = effectsOf(given, seed).slice(0, 30);
  return found.length > 0 && section(
    "effects",
    "What the parameters come with",
    html`<p>Over all else that the sweep varies, seeds included.</p>`,
    ...found.map(({ parameter, claim, rows }) => {
      const unit = experiment.claims.find(({ name }) => name === claim)?.unit;
      return html`
        <h3>${cut(`${claim}, by ${parameter}`, LONGEST)}</h3>
        ${table(
          `${claim} by ${parameter}`,
          [
            { title: parameter },
            { title: "Members", kind: "number" },
            {
              title: unit === undefined ? "Mean" : `Mean, ${unit}`,
              kind: "number",
            },
            { title: "Standard deviation", kind: "number" },
            { title: "Least to largest", kind: "number" },
          ],
          rows.slice(0, 50).map(({ value, summary, least, most }) => [
            cut(value, LONGEST),
            summary.n,
            short(summary.mean),
            summary.n > 1 ? short(summary.sd) : "—",
            `${short(least)} to ${short(most)}`,
          ]),
        )}
      `;
    }),
  );
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

async function curves(fans: readonly Fan[]): Promise<Html | false> {
  if (fans.length === 0) return false;
  const charts = await Promise.all(fans.map(async (fan, index) => {
    const { median, least, most, epoch } = fan.points.at(-1)!;
    const chart = await renderChart(fanChart(fan), {
      id: `fan-${index}`,
      title: `${fan.title} of ${fan.members} members, epoch by epoch`,
      description: `At epoch ${epoch} the median is ${short(median)}, from ${short(least)} to ${
        short(most)
      }.`,
      csv: [
        ["epoch", "least", "lower quartile", "median", "upper quartile", "most"],
        ...fan.points.map((
          { epoch, least, low, median, high, most },
        ) => [epoch, least, low, median, high, most]),
      ],
    });
    return html`<figure><figcaption>${
      cut(fan.title, LONGEST)
    }, ${fan.members} members</figcaption>${chart}</figure>`;
  }));
  const legend =
    html`<p>The line is the median of the members, the dark band the half around it, the light band all of them.</p>`;
  return section("curves", "Learning curves", legend, ...charts);
}

async function claims(checks: readonly Check[], { experiment }: JudgedSweep): Promise<Html> {
  if (checks.length === 0) {
    return section("claims", "Claims over seeds", html`<p>Nothing is claimed over seeds.</p>`);
  }
  const shown = await Promise.all(checks.map(async (check, index) => {
    const claim = experiment.claims.find(({ name }) => name === check.claim)!;
    const { seeds } = check;
    const chart = seeds === undefined ? undefined : await renderChart(
      stripChart(stripOf(claim, seeds.values), check.unit),
      {
        id: `strip-${index}`,
        title: `${check.claim}, seed by seed`,
        description: `${check.obtained}, claimed ${check.claimed}: ${check.detail}.`,
        csv: [["seed", check.claim], ...seeds.values.map(({ seed, value }) => [seed, value])],
      },
    );
    const rings = (seeds?.values.length ?? 0) > MOST_RINGS
      ? `The rings are ${MOST_RINGS} of the ${
        seeds!.values.length
      } seeds, evenly among them by what they gave. `
      : "Each ring is a seed. ";
    const legend = rings +
      "The bar is where one further run is expected, the diamond the seeds' mean; the dot is " +
      "what was published, with the authors' standard deviation where they give one. Shaded is what the claim lets pass.";
    return html`
      <h3>${cut(check.claim, LONGEST)}</h3>
      <p>${pill(toneOfVerdict(check.verdict), check.verdict)} ${check.detail}.</p>
      ${factList([
        ["Claimed", withUnit(check.claimed, check.unit)],
        ["Obtained", withUnit(check.obtained, check.unit)],
        ["Tolerance", check.tolerance],
      ])}
      ${seeds?.bootstrap !== undefined &&
        html`<p>The bootstrap interval of the mean, 95 %, which asks for no normal distribution: ${
          short(seeds.bootstrap.low)
        } to ${short(seeds.bootstrap.high)}.</p>`}
      ${seeds?.power !== undefined && html`<p>What this can show: ${seeds.power}.</p>`}
      ${seeds?.wanted !== undefined &&
        html`<p>If mean and spread stay as they are, ${seeds.wanted} seeds in all would decide.</p>`}
      ${chart !== undefined && html`<figure><figcaption>${legend}</figcaption>${chart}</figure>`}
    `;
  }));
  return section("claims", "Claims over seeds", ...shown);
}

function failures(members: readonly Member[]): Html | false {
  const causes = failuresByCause(members);
  return causes.length > 0 && section(
    "failures",
    "Members that failed, by cause",
    table(
      "Causes of failure",
      [{ title: "Cause" }, { title: "Members", kind: "number" }, { title: "For example" }],
      causes.slice(0, 50).map(({ cause, members }) => [
        cut(cause, LONGEST),
        members.length,
        cut(members.slice(0, 5).map(({ values }) => inWords(values)).join("; "), LONGEST),
      ]),
    ),
    html`<p>${code(asCalled("deno task sweep --retry failed"))} runs them again.</p>`,
  );
}

function memberTable(members: readonly Member[]): Html {
  return section(
    "members",
    pluralize(members.length, "member"),
    table(
      "Members of the sweep",
      [{ title: "Values" }, { title: "Status" }, { title: "Time", kind: "number" }, {
        title: "Run",
        kind: "code",
      }],
      members.slice(0, MOST_ROWS).map(({ values, status, seconds, run }) => [
        cut(inWords(values), LONGEST),
        status,
        seconds === undefined ? "—" : duration(seconds),
        run ?? "—",
      ]),
    ),
    members.length > MOST_ROWS && html`<p>and ${members.length - MOST_ROWS} more, in sweep.json.</p>`,
  );
}
