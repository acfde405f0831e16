/** A web server on this machine that serves one file as well or as badly as a test wants it. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { sha256 } from "../../tasks/lib/system/files.ts";

export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

export interface WebServer extends AsyncDisposable {
  /** With a slash at its end. */
  url: string;
  /** What was asked for, one after the other, e.g. `GET /file.bin bytes=10-`. */
  asked: string[];
}

/** @param tls makes it an https server, with these PEM texts */
export async function serve(answer: Answer, tls?: { key: string; cert: string }): Promise<WebServer> {
  const asked: string[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    asked.push([request.method, request.url, request.headers.range].filter(Boolean).join(" "));
    answer(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  return await listening(server, tls === undefined ? "http" : "https", asked);
}

async function listening(server: Server, scheme: string, asked: string[]): Promise<WebServer> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Serves bytes as a well-kept server does: with an ETag, and from where it is asked to. */
export function fileAnswer(
  data: Uint8Array,
  { cutAfter = Infinity, etag = `"${sha256(data).slice(0, 8)}"` } = {},
): Answer {
  return async (request, response) => {
    const condition = request.headers["if-range"];
    const range = condition === undefined || condition === etag ? request.headers.range : undefined;
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const headers: Record<string, string | number> = { etag, "content-length": data.length - from };
    if (range !== undefined) headers["content-range"] = `bytes ${from}-${data.length - 1}/${data.length}`;
    response.writeHead(range === undefined ? 200 : 206, headers);
    if (data.length - from <= cutAfter) response.end(data.subarray(from));
    else await cutOff(response, data.subarray(from, from + cutAfter));
  };
}

/** Sends these bytes and closes the connection, although more were announced. */
export async function cutOff(response: ServerResponse, data: Uint8Array) {
  await new Promise((resolve) => response.write(data, resolve));
  response.socket?.end();
}

/** Bytes that look random, and are always the same. */
export function someBytes(count: number, seed = 1): Uint8Array {
  const data = new Uint8Array(count);
  let state = seed;
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[index] = state >>> 24;
  }
  return data;
}

/** A proxy that only connects its clients with where they want to go. */
export async function serveTunnel(): Promise<WebServer> {
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on("connect", ({ method, url = "" }: IncomingMessage, client: Socket) => {
    asked.push(`${method} ${url}`);
    const { hostname, port } = new URL(`http://${url}`);
    const server = connect(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      server.pipe(client).pipe(server);
    });
    for (const [one, other] of [[server, client], [client, server]] as const) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  });
  return await listening(proxy, "http", asked);
}

/** Where openssl is: a certificate of its own for 127.0.0.1, signed by nobody else, and the variable that has it trusted. */
export async function selfSigned(folder: string) {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  // A server must not use a certificate authority's own certificate, which openssl would make otherwise.
  const noAuthority = ["-addext", "basicConstraints=critical,CA:FALSE"];
  const args = ["req", "-x509", ...kind, ...subject, ...noAuthority, "-keyout", key, "-out", cert];
  const { success, stderr } = await new Deno.Command("openssl", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const tls = { key: await Deno.readTextFile(key), cert: await Deno.readTextFile(cert) };
  return { tls, env: { SSL_CERT_FILE: cert } };
}

export const HAS_OPENSSL = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then(({ success }) => success, () => false);
