/**
 * A run as an RO-Crate: what made which file, from what, when and in which image.
 *
 * RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) with Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5).
 */

import { asCalled } from "../cli/program.ts";
import { extname } from "node:path";
import type { Evidence } from "../record/evidence.ts";
import type { RecordedFile } from "../record/receipt.ts";
import { action, codeUrl, containerImage, environmentOf, external, instrument, person } from "./actions.ts";
import { authorEntity, type Citation, spdxUrl } from "./citation.ts";
import { type Entity, fileId, references, WORKFLOW_RUN } from "./entity.ts";

const CRATE = "https://w3id.org/ro/crate/1.1";

const PROFILE = "https://w3id.org/ro/wfrun/process/0.5";

/** Terms beyond RO-Crate's own; given in full so that reading a crate takes one context fewer from the network. */
const TERMS = ["ContainerImage", "containerImage", "environment", "registry", "sha256", "tag"];

export interface CrateSource {
  evidence: Evidence;
  /** Files of the run folder that are there, by path. */
  files: Record<string, RecordedFile>;
  citation?: Citation;
}

/** The metadata of a run's crate; paths are relative to the run folder. Pure. */
export function roCrate({ evidence, files, citation }: CrateSource): Record<string, unknown> {
  // A step without an attempt was never begun, whatever else its record says.
  const begun = evidence.attempts.length > 0 ? Object.entries(evidence.steps) : [];
  const steps = begun.filter(([, { started }]) => started !== undefined);
  const present = Object.entries(files).filter(([, file]) => !("link" in file)).map(([path]) => path);
  const sources = steps.map(([name, step]) => ({ evidence, name, step, present, citation }));
  const actions = sources.map(action);
  const people = authors(citation, codeUrl(evidence.attempts.at(-1), citation));
  const entities = [
    descriptor(),
    root(source(evidence, people), present.map(fileId), actions),
    { "@id": PROFILE, "@type": "CreativeWork", name: "Process Run Crate", version: "0.5" },
    license(citation),
    ...people,
    ...present.map((path) => fileEntity(path, files[path]!)),
    ...actions,
    ...sources.map(instrument),
    ...steps.flatMap(([, step]) => external(evidence, step)),
    ...evidence.attempts.flatMap((attempt, index) => [
      person(attempt),
      ...containerImage(attempt),
      ...environmentOf(attempt, index),
    ]),
    ...parameters(evidence),
  ];
  return { "@context": [`${CRATE}/context`, terms()], "@graph": unique(entities) };
}

function terms(): Record<string, string> {
  return Object.fromEntries(TERMS.map((term) => [term, `${WORKFLOW_RUN}${term}`]));
}

function descriptor(): Entity {
  return {
    "@id": "ro-crate-metadata.json",
    "@type": "CreativeWork",
    conformsTo: { "@id": CRATE },
    about: { "@id": "./" },
  };
}

interface Described {
  name: string;
  description: string;
  date: string;
  authors: Entity[];
}

function source(evidence: Evidence, authors: Entity[]): Described {
  const { name, title = name } = evidence.experiment;
  return {
    name: `Run ${evidence.run} of ${title}`,
    description:
      `What "${
        asCalled(`deno task ${evidence.task}`)
      }" did: code, environment, inputs, outputs and verdicts. ` +
      `The run is ${evidence.status}.`,
    date: evidence.ended ?? evidence.created,
    authors,
  };
}

function root({ name, description, date, authors }: Described, files: string[], actions: Entity[]): Entity {
  const ids = references(authors.map((author) => author["@id"]!));
  return {
    "@id": "./",
    "@type": "Dataset",
    name,
    description,
    datePublished: date,
    license: { "@id": "#license" },
    author: ids,
    publisher: references([
      (authors.find((author) => author["@type"] === "Organization") ?? authors[0]!)["@id"]!,
    ]),
    conformsTo: { "@id": PROFILE },
    hasPart: references(files),
    mentions: references(actions.map((each) => each["@id"]!)),
  };
}

function license(citation?: Citation): Entity {
  const name = [citation?.license ?? []].flat()[0];
  return {
    "@id": "#license",
    "@type": "CreativeWork",
    name: name ?? "No licence is stated",
    url: name === undefined ? undefined : spdxUrl(name),
  };
}

/** @param url where the authors' work is; it stands for the address of a group that gives none */
function authors(citation?: Citation, url?: string): Entity[] {
  const unnamed = [{ name: "The authors of the experiment, who are not named" }];
  return (citation?.authors ?? unnamed).map((author, index) => {
    const entity = authorEntity(author, `#author-${index + 1}`);
    return entity["@type"] === "Organization" ? { ...entity, url: entity.url ?? url } : entity;
  });
}

function fileEntity(path: string, file: RecordedFile): Entity {
  const { bytes, sha256 } = file as Exclude<RecordedFile, { link: string }>;
  return {
    "@id": fileId(path),
    "@type": "File",
    name: path,
    contentSize: String(bytes),
    encodingFormat: mediaType(path),
    sha256,
  };
}

function parameters({ parameters }: Evidence): Entity[] {
  return Object.entries(parameters).map(([name, value]) => ({
    "@id": `#parameter-${encodeURIComponent(name)}`,
    "@type": "PropertyValue",
    name,
    value,
  }));
}

/** Attempts on one machine have the same person and image. */
function unique(entities: Entity[]): Entity[] {
  return [...new Map(entities.map((entity) => [entity["@id"], entity])).values()];
}

const TYPES: Record<string, string> = {
  ".csv": "text/csv",
  ".html": "text/html",
  ".ipynb": "application/x-ipynb+json",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".log": "text/plain",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".sig": "text/plain",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".yaml": "application/yaml",
};

/** Media type by the end of a file's name. */
export function mediaType(path: string): string {
  return TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";
}
