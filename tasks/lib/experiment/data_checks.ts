/** What is wrong with the data of an experiment.yaml, as far as a schema can't say it. */

import { checkName, checkPath, entriesAt, soundFields } from "./field_checks.ts";
import { tidyPath } from "../values/relative_path.ts";
import { dataSchema, type RawData } from "./schema.ts";
import { fieldName, type Path, type YamlDocument } from "./yaml_document.ts";

/** Folders of the project that the tasks or git fill. */
const TAKEN = ["runs", ".cache", ".git"];

/** Adds every problem to the document. */
export function checkData(document: YamlDocument): void {
  const all = entriesAt(document, "data").map(([name, value]) => ({
    name,
    path: ["data", name],
    data: soundFields(document, dataSchema, value),
  }));
  for (const { name, path, data } of all) {
    checkName(document, path, name);
    checkOrigin(document, path);
    checkHash(document, path);
    checkUrls(document, path, data);
    checkPlace(document, path, data.to);
  }
  checkNesting(document, all);
}

/** Where data are from: one of them. */
const ORIGINS = ["urls", "how", "from"];

/** What no address and no words are given for, a step downloads by itself: it is hashed as it lies there. */
function isOwn(keys: string[]): boolean {
  return !ORIGINS.some((one) => keys.includes(one));
}

function checkOrigin(document: YamlDocument, path: Path): void {
  const keys = document.keys(path);
  if (!keys) return;
  const field = fieldName(path);
  const origins = ORIGINS.filter((one) => keys.includes(one));
  if (origins.length > 1) {
    document.add(
      path,
      `${field} must have one of urls, how and from, it has ${origins.join(" and ")}`,
      "key",
    );
  }
  if (!isOwn(keys)) return;
  const key = ["unpack", "size", "md5"].find((one) => keys.includes(one));
  if (key === undefined) return;
  document.add(
    path,
    `${field} must have urls, how or from, since it has ${key}; without any, a step downloads it by itself to ` +
      "that place, and only a sha256 can be expected of it",
    "key",
  );
}

/** One hash says what is expected: two could contradict each other. */
function checkHash(document: YamlDocument, path: Path): void {
  const keys = document.keys(path);
  if (!keys) return;
  const field = fieldName(path);
  const both = keys.includes("sha256") && keys.includes("md5");
  if (both) {
    document.add(path, `${field} must have either sha256 or md5, it has both; sha256 says more`, "key");
  } else if (!keys.includes("sha256") && !keys.includes("md5") && !isOwn(keys) && !keys.includes("from")) {
    document.add(path, `${field} must have sha256 or md5, so that it is known what was fetched`, "key");
  }
}

function checkUrls(document: YamlDocument, path: Path, { urls = [] }: Partial<RawData>): void {
  const seen = new Set<string>();
  for (const [index, url] of urls.entries()) {
    const at = [...path, "urls", index];
    const problem = urlProblem(url) ?? (seen.has(url) ? "it is listed before" : undefined);
    seen.add(url);
    if (problem === undefined) continue;
    document.add(
      at,
      `${fieldName(at)} must be an http or https address without a password, current value is ` +
        `${JSON.stringify(url)}: ${problem}`,
    );
  }
}

/** An address stands in records that are meant to be shared, so it holds no password. */
function urlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return "it is not an address";
  if (url.protocol !== "https:" && url.protocol !== "http:") return `${url.protocol} is not supported`;
  return url.username !== "" || url.password !== "" ? "it holds a user or password" : undefined;
}

function checkPlace(document: YamlDocument, path: Path, to: string | undefined): void {
  const at = [...path, "to"];
  checkPath(document, at, to);
  const [first] = tidyPath(to ?? "").split("/");
  if (!TAKEN.includes(first!)) return;
  document.add(
    at,
    `${fieldName(at)} must be outside ${TAKEN.map((folder) => `${folder}/`).join(", ")}, ` +
      `current value is ${JSON.stringify(to)}`,
  );
}

function checkNesting(
  document: YamlDocument,
  all: { name: string; path: Path; data: Partial<RawData> }[],
): void {
  for (const [index, { name, path, data }] of all.entries()) {
    const to = tidyPath(data.to ?? "");
    const other = all.slice(0, index).find(({ data }) => overlap(tidyPath(data.to ?? ""), to));
    if (to === "" || other === undefined) continue;
    document.add(
      [...path, "to"],
      `data.${name}.to must be a place of its own, ${JSON.stringify(data.to)} and ` +
        `data.${other.name}.to ${JSON.stringify(other.data.to)} are the same or in each other`,
    );
  }
}

function overlap(one: string, other: string): boolean {
  return one !== "" && (one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`));
}
