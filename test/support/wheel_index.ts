/** A package index (PEP 503) of tiny wheels on a loopback port. */

import assert from "node:assert/strict";
import { join } from "node:path";

const MAKE_WHEELS = join(import.meta.dirname!, "..", "fixtures/environment/make_wheels.py");

/**
 * Makes the wheels in a folder.
 *
 * @returns a line for each of alpha, beta and torch, with hashes
 */
export async function makeWheels(python: string, folder: string): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(python, { args: [MAKE_WHEELS, folder] })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Serves the wheels of a folder at `/simple/`. */
export function serveWheels(folder: string) {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const path = new URL(request.url).pathname;
    const name = /^\/simple\/([a-z]+)\/$/.exec(path)?.[1];
    const files = Array.from(Deno.readDirSync(folder), (entry) => entry.name);
    if (name === undefined) {
      const file = files.find((one) => path === `/${one}`);
      return file === undefined
        ? new Response("", { status: 404 })
        : new Response(await Deno.readFile(join(folder, file)));
    }
    const links = files.filter((file) => file.startsWith(`${name}-`)).map((file) =>
      `<a href="/${file}">${file}</a>`
    );
    return new Response(`<html><body>${links.join("\n")}</body></html>`, {
      headers: { "content-type": "text/html" },
    });
  });
}
