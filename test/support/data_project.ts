/** A project with data, a cache of its own, and a real server that has them. */

import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { createHash } from "node:crypto";
import { type Ended, ended, Project } from "./project.ts";

export function digest(kind: "sha256" | "md5", data: Uint8Array): string {
  return createHash(kind).update(data).digest("hex");
}

export async function zipOf(files: Record<string, string | Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { level: 0, useWebWorkers: false });
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await zip.add(path, new Uint8ArrayReader(bytes));
  }
  return new Uint8Array(await zip.close());
}

/** A server of files on this machine that knows Range, and remembers what it was asked for. */
export class DataServer implements AsyncDisposable {
  /** E.g. `/a.bin`, or `/a.bin from 1000`. */
  readonly requests: string[] = [];
  /** Bytes that it sends in a tenth of a second; all at once without it. */
  slow?: number;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  readonly files: Record<string, Uint8Array<ArrayBuffer>>;

  constructor(files: Record<string, Uint8Array<ArrayBuffer>>) {
    this.files = { ...files };
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      return this.#answer(request);
    });
  }

  url(name: string): string {
    return `http://127.0.0.1:${this.#server.addr.port}/${name}`;
  }

  #answer(request: Request): Response {
    const path = new URL(request.url).pathname;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    this.requests.push(from === 0 ? path : `${path} from ${from}`);
    const file = this.files[path.slice(1)];
    if (file === undefined) return new Response("not here", { status: 404 });
    const headers = {
      "content-length": String(file.length - from),
      "accept-ranges": "bytes",
      etag: `"${digest("md5", file)}"`,
      ...(from > 0 && { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` }),
    };
    const body = this.slow === undefined ? file.subarray(from) : slowly(file.subarray(from), this.slow);
    return new Response(request.method === "HEAD" ? null : body, { status: from > 0 ? 206 : 200, headers });
  }

  async [Symbol.asyncDispose]() {
    await this.#server.shutdown();
  }
}

function slowly(bytes: Uint8Array<ArrayBuffer>, piece: number): ReadableStream<Uint8Array> {
  let done = 0;
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(bytes.subarray(done, done + piece));
      done += piece;
      if (done >= bytes.length) controller.close();
      else await new Promise((resolve) => setTimeout(resolve, 100));
    },
  });
}

export class DataProject implements AsyncDisposable {
  private constructor(readonly project: Project, readonly server: DataServer, readonly cache: string) {}

  /** @param yaml of the experiment, by the addresses of the files */
  static async make(
    served: Record<string, Uint8Array<ArrayBuffer>>,
    yaml: (url: (name: string) => string) => string,
    files: Record<string, string> = {},
  ): Promise<DataProject> {
    const server = new DataServer(served);
    const project = await Project.make({ "experiment.yaml": yaml((name) => server.url(name)), ...files });
    return new DataProject(
      project,
      server,
      await Deno.realPath(await Deno.makeTempDir({ prefix: "cache-" })),
    );
  }

  get env(): Record<string, string> {
    // Deno's own cache is where the user's cache is, too.
    return { XDG_CACHE_HOME: this.cache, DENO_DIR };
  }

  start(task: string, ...args: string[]): Deno.ChildProcess {
    return this.project.start(task, args, this.env);
  }

  async task(task: string, ...args: string[]): Promise<Ended> {
    return await ended(this.start(task, ...args));
  }

  /** The folder of an entry in the cache. */
  entry(content: Uint8Array, ...parts: string[]): string {
    return [this.cache, "experiment-data", digest("sha256", content), ...parts].join("/");
  }

  async [Symbol.asyncDispose]() {
    await this.server[Symbol.asyncDispose]();
    await this.project[Symbol.asyncDispose]();
    await Deno.remove(this.cache, { recursive: true });
  }
}

/** Deno's own cache, also where a test has another one for the user. */
export const DENO_DIR = await denoDir();

async function denoDir(): Promise<string> {
  const asked = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(asked.stdout)).denoDir;
}

/** Changes one byte of a file and gives it its old time of change back, as a bad disk or a careful vandal would. */
export async function flipByte(path: string, at = 0): Promise<void> {
  const { mode, mtime } = await Deno.stat(path);
  await Deno.chmod(path, 0o644);
  const bytes = await Deno.readFile(path);
  bytes[at]! ^= 1;
  await Deno.writeFile(path, bytes);
  await Deno.utime(path, mtime!, mtime!);
  await Deno.chmod(path, mode!);
}
