/** The token that opens JupyterLab: made here, or given by the user; it is kept in a file and never on a command line. */

import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { Failure } from "../cli/failure.ts";
import { LOOPBACK } from "../system/address.ts";
import { callerFolder } from "../system/project_root.ts";

/**
 * The token for a new server: of `--token-file`, else of JUPYTER_TOKEN, else a random one.
 *
 * @throws Failure(2) if what was given can't be used.
 */
export async function chooseToken(file: string | undefined): Promise<string> {
  if (file !== undefined) return await readTokenFile(file);
  const given = Deno.env.get("JUPYTER_TOKEN");
  return given ? checkToken(given, "JUPYTER_TOKEN") : randomBytes(32).toString("hex");
}

async function readTokenFile(file: string): Promise<string> {
  const path = resolve(callerFolder(), file);
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isFile) throw new Failure(2, `Cannot read --token-file ${file}: there is no such file`);
  if (info.mode !== null && (info.mode & 0o077) !== 0) {
    const mode = (info.mode & 0o777).toString(8);
    throw new Failure(2, `--token-file ${file} must be its owner's alone, current mode is ${mode}`, {
      remedy: `chmod 600 ${file}`,
    });
  }
  return checkToken((await Deno.readTextFile(path)).trim(), `--token-file ${file}`);
}

/** A token goes into a header of HTTP as it is, and is never shown in a message. */
export function checkToken(token: string, source: string): string {
  if (/^[\x21-\x7e]{8,}$/.test(token)) return token;
  throw new Failure(2, `${source} must hold a token of at least 8 visible ASCII characters without spaces`, {
    remedy: `python3 -c 'import secrets; print(secrets.token_hex(32))' makes one`,
  });
}

/** Where a browser on this machine finds the server. */
export function serverUrl(port: number, token: string): string {
  return `http://${LOOPBACK}:${port}/lab?token=${encodeURIComponent(token)}`;
}
