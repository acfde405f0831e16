/** CITATION.cff: who made a project, what it is called, under which licence. */

import { join } from "node:path";
import type { Entity } from "./entity.ts";
import { readRegularText } from "../system/regular_file.ts";
import { yaml } from "../values/yaml.ts";

const FILE = "CITATION.cff";

/** What is used of the Citation File Format 1.2.0. */
export interface Citation {
  title: string;
  abstract?: string;
  version?: string;
  "date-released"?: string;
  /** SPDX identifier, or several. */
  license?: string | string[];
  "repository-code"?: string;
  url?: string;
  keywords?: string[];
  authors: CitationAuthor[];
  "preferred-citation"?: {
    title: string;
    doi?: string;
    year?: number;
    authors: CitationAuthor[];
  };
}

/** A person has a family name, an entity a name. */
export interface CitationAuthor {
  name?: string;
  "given-names"?: string;
  "family-names"?: string;
  affiliation?: string;
  orcid?: string;
  website?: string;
}

/** The project's CITATION.cff; nothing if it has none, or one that can't be read. */
export async function readCitation(root: string): Promise<Citation | undefined> {
  const text = await readRegularText(join(root, FILE)).catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const citation = yaml.parse(text);
    return typeof citation?.title === "string" && Array.isArray(citation.authors) ? citation : undefined;
  } catch {
    return undefined;
  }
}

/** @param id of an author who has no ORCID */
export function authorEntity(author: CitationAuthor, id?: string): Entity {
  const { name, website, affiliation } = author;
  const given = { "@id": author.orcid ?? id, url: website };
  if (author["family-names"] === undefined) return { ...given, "@type": "Organization", name };
  return {
    ...given,
    "@type": "Person",
    name: [author["given-names"], author["family-names"]].filter((part) => part !== undefined).join(" "),
    givenName: author["given-names"],
    familyName: author["family-names"],
    affiliation,
  };
}

export function spdxUrl(license: string): string {
  return `https://spdx.org/licenses/${license}`;
}
