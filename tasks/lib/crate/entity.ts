/** What RO-Crate's metadata are made of. */

/** An entity of linked data, as RO-Crate and CodeMeta write it. */
export interface Entity {
  "@id"?: string;
  "@type": string | string[];
  [property: string]: unknown;
}

export const WORKFLOW_RUN = "https://w3id.org/ro/terms/workflow-run#";

/** A path as a relative reference (RFC 3986): a space or an umlaut is percent-encoded. */
export function fileId(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** One reference, a list of several, or nothing: a list of one is not the compact form. */
export function references(ids: string[]): { "@id": string } | { "@id": string }[] | undefined {
  const found = [...new Set(ids)].map((id) => ({ "@id": id }));
  return found.length > 1 ? found : found[0];
}
