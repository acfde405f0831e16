/** Asking a repository's REST interface: JSON of a bounded size, from the host that was asked. */

import * as z from "zod/mini";
import { Failure } from "../../cli/failure.ts";
import { certificatesOf } from "../download/certificates.ts";
import { Connection } from "../download/connection.ts";
import { MirrorError, statusError } from "../download/mirror_error.ts";
import { showPlace } from "../download/web_address.ts";

/** An answer that lists 10,000 files has about 10 MB. */
const MOST_BYTES = 64e6;

const IDLE_MS = 30_000;

/** The repository does not know what was asked for. */
export class Unknown extends Failure {}

/**
 * Asks for a record, or sends `body` as JSON.
 *
 * @param what for messages, e.g. `10.5281/zenodo.1`
 * @throws Unknown for 404 and 410; Failure(3) if it can't be asked now; Failure(2) for an answer of another form
 */
export async function askJson<T>(
  what: string,
  url: URL,
  schema: z.ZodMiniType<T>,
  { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const text = new TextDecoder().decode(await askBytes(what, url, MOST_BYTES, { body, signal }));
  const value = parsed(text);
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.map(String).join(".") || "it";
  throw new Failure(
    2,
    `Cannot look up ${what}: ${url.host} answers in another form than is known; ${where} is not as documented`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As `askJson`, the bytes themselves. */
export async function askBytes(
  what: string,
  url: URL,
  most: number,
  { body, signal, anywhere = false }: { body?: unknown; signal?: AbortSignal; anywhere?: boolean } = {},
): Promise<Uint8Array> {
  using client = Deno.createHttpClient({ caCerts: await certificatesOf(Deno.env.toObject()) });
  const mayMove = (from: URL, to: URL) =>
    anywhere || from.origin === to.origin
      ? undefined
      : `redirects to ${showPlace(to)}, another server than was asked`;
  using connection = new Connection({ client, idleMs: IDLE_MS, signal, mayMove });
  try {
    const headers = {
      accept: "application/json",
      ...(body !== undefined && { "content-type": "application/json" }),
    };
    const { response } = await connection.ask(
      url,
      headers,
      body === undefined ? undefined : JSON.stringify(body),
    );
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status === 404 || response.status === 410) {
        throw new Unknown(2, `Cannot find ${what}: ${url.host} does not know it`);
      }
      throw statusError(response.status, response.headers);
    }
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let bytes = 0;
    for await (const chunk of connection.read(response.body!)) {
      bytes += chunk.length;
      if (bytes > most) throw new MirrorError("wrong", `answers with more than ${most / 1e6} MB`);
      parts.push(chunk.slice());
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    throw new Failure(
      error.problem === "wrong" ? 2 : 3,
      `Cannot look up ${what}: ${url.host} ${error.message}`,
      {
        remedy: "Check the network and the identifier, and try again",
      },
    );
  }
}
