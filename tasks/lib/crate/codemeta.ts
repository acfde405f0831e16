/** codemeta.json from CITATION.cff, so that nothing is written twice (https://w3id.org/codemeta/3.0). */

import { Failure } from "../cli/failure.ts";
import { ROOT } from "../system/product.ts";
import { authorEntity, type Citation, readCitation, spdxUrl } from "./citation.ts";

/**
 * What codemeta.json is to hold.
 *
 * @throws Failure(2) if the project's CITATION.cff can't be read.
 */
export async function codemetaText(): Promise<string> {
  const citation = await readCitation(ROOT);
  if (citation === undefined) {
    throw new Failure(2, "Cannot write codemeta.json: CITATION.cff must have a title and authors");
  }
  return `${JSON.stringify(codemeta(citation), null, 2)}\n`;
}

/** The project for catalogues of research software. */
export function codemeta(citation: Citation): Record<string, unknown> {
  const article = citation["preferred-citation"];
  return {
    "@context": "https://w3id.org/codemeta/3.0",
    "@type": "SoftwareSourceCode",
    name: citation.title,
    description: citation.abstract,
    version: citation.version,
    dateModified: citation["date-released"],
    license: [citation.license ?? []].flat().map(spdxUrl),
    codeRepository: citation["repository-code"],
    url: citation.url,
    keywords: citation.keywords,
    author: citation.authors.map((author) => authorEntity(author)),
    programmingLanguage: ["TypeScript", "Python"],
    runtimePlatform: "Deno",
    referencePublication: article && {
      "@type": "ScholarlyArticle",
      "@id": article.doi && `https://doi.org/${article.doi}`,
      name: article.title,
      datePublished: article.year?.toString(),
      author: article.authors.map((author) => authorEntity(author)),
    },
  };
}
