/** A package index that tells when its files came (PEP 700), on a loopback port, with made-up packages. */

import assert from "node:assert/strict";
import { join } from "node:path";

const MAKE = join(import.meta.dirname!, "..", "fixtures/environment/make_dated.py");

export interface DatedPackage {
  /** With underscores. */
  name: string;
  /** e.g. `py3-none-any`; without one it is a source that can't be built. */
  tag?: string;
  requires?: string[];
}

/** The files are of 1 January 2020. */
export async function serveDated(folder: string, packages: DatedPackage[]) {
  await Deno.mkdir(folder, { recursive: true });
  const making = new Deno.Command("python3", { args: [MAKE], stdin: "piped", stderr: "piped" }).spawn();
  const writer = making.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify({ folder, packages })));
  await writer.close();
  const { success, stderr } = await making.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const file = names.find((name) => pathname === `/files/${name}`);
    if (file !== undefined) return new Response(await Deno.readFile(join(folder, file)));
    const wanted = /^\/simple\/([a-z0-9-]+)\/$/.exec(pathname)?.[1]?.replaceAll("-", "_");
    const files = names.filter((name) => name.startsWith(`${wanted}-`));
    if (files.length === 0) return new Response("", { status: 404 });
    const body = {
      meta: { "api-version": "1.1" },
      name: wanted,
      versions: ["1.0"],
      files: files.map((filename) => ({
        filename,
        url: `/files/${filename}`,
        hashes: {},
        size: Deno.statSync(join(folder, filename)).size,
        "upload-time": "2020-01-01T00:00:00Z",
      })),
    };
    return new Response(JSON.stringify(body), {
      headers: { "content-type": "application/vnd.pypi.simple.v1+json" },
    });
  });
}
