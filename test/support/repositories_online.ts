/** Repositories on this machine: their REST interfaces answer as the documentation of each says. */

import { createHash } from "node:crypto";
import { STAND_IN } from "../../tasks/lib/data/download/web_address.ts";
import { serve, type WebServer } from "./web_server.ts";

export type Online = WebServer & { env: Record<string, string> };

/** What an address answers, `HOST/PATH?QUERY` without the scheme: JSON, bytes, or a redirect. */
export type Answers = Record<string, unknown>;

/** Everything that is not listed is 404. */
export async function online(answers: Answers): Promise<Online> {
  const server = await serve((request, response) => {
    const answer = answers[decodeURIComponent(request.url!.slice(1))];
    if (answer === undefined) return void response.writeHead(404).end('{"message":"not found"}');
    if (answer instanceof Redirect) return void response.writeHead(302, { location: answer.to }).end();
    const body = answer instanceof Uint8Array ? answer : new TextEncoder().encode(JSON.stringify(answer));
    response.writeHead(200, { "content-length": body.length }).end(body);
  });
  return Object.assign(server, { env: { [STAND_IN]: server.url } });
}

export class Redirect {
  constructor(readonly to: string) {}
}

export function md5(data: Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}

/** The resolver: [DOI Handbook, "REST API Response Format"](https://doi.info/doi-handbook/HTML/rest-api-response-format.html). */
export function handle(doi: string, url: string): Answers {
  const values = [{ index: 1, type: "URL", data: { format: "string", value: url }, ttl: 86400 }];
  return { [`doi.org/api/handles/${doi}?type=URL`]: { responseCode: 1, handle: doi, values } };
}

/** A record: [Zenodo, "Records"](https://developers.zenodo.org/#records). */
export function zenodo(
  id: number,
  files: Record<string, Uint8Array>,
  { doi = `10.5281/zenodo.${id}`, checksums = {} as Record<string, string> } = {},
): Answers {
  const api = `zenodo.org/api/records/${id}`;
  const listed = Object.entries(files).map(([key, data]) => ({
    id: crypto.randomUUID(),
    key,
    size: data.length,
    checksum: checksums[key] ?? `md5:${md5(data)}`,
    links: { self: `https://${api}/files/${key}/content` },
  }));
  return {
    ...handle(`10.5281/zenodo.${id}`, `https://zenodo.org/records/${id}`),
    [api]: {
      id,
      doi,
      conceptdoi: `10.5281/zenodo.${id - 1}`,
      metadata: { title: "A record" },
      files: listed,
    },
    ...Object.fromEntries(Object.entries(files).map(([key, data]) => [`${api}/files/${key}/content`, data])),
  };
}

/** An article: [figshare, "Public Article"](https://docs.figshare.com/#public_article). */
export function figshare(id: number, version: number, files: Record<string, Uint8Array>): Answers {
  const article = {
    id,
    version,
    doi: `10.6084/m9.figshare.${id}.v${version}`,
    files: Object.entries(files).map(([name, data], index) => ({
      id: index + 1,
      name,
      size: data.length,
      is_link_only: false,
      download_url: `https://ndownloader.figshare.com/files/${index + 1}`,
      supplied_md5: "",
      computed_md5: md5(data),
      mimetype: "application/octet-stream",
    })),
  };
  const page = `https://figshare.com/articles/dataset/A_title/${id}`;
  return {
    ...handle(`10.6084/m9.figshare.${id}.v${version}`, `${page}/${version}`),
    ...handle(`10.6084/m9.figshare.${id}`, page),
    [`api.figshare.com/v2/articles/${id}`]: article,
    [`api.figshare.com/v2/articles/${id}/versions/${version}`]: article,
    ...Object.fromEntries(
      Object.values(files).map((data, index) => [`ndownloader.figshare.com/files/${index + 1}`, data]),
    ),
  };
}

/** A data set: [Dataverse, "Native API"](https://guides.dataverse.org/en/latest/api/native-api.html). */
export function dataverse(host: string, doi: string, files: Record<string, Uint8Array>): Answers {
  const listed = Object.entries(files).map(([label, data], index) => ({
    label,
    restricted: false,
    dataFile: {
      id: index + 1,
      persistentId: "",
      filename: label,
      contentType: "text/plain",
      filesize: data.length,
      md5: md5(data),
      checksum: { type: "MD5", value: md5(data) },
    },
  }));
  return {
    ...handle(doi, `https://${host}/citation?persistentId=doi:${doi}`),
    [`${host}/api/datasets/:persistentId/?persistentId=doi:${doi}`]: {
      status: "OK",
      data: {
        id: 1,
        protocol: "doi",
        latestVersion: { versionState: "RELEASED", versionNumber: 1, files: listed },
      },
    },
    ...Object.fromEntries(
      Object.values(files).map((data, index) => [`${host}/api/access/datafile/${index + 1}`, data]),
    ),
  };
}
