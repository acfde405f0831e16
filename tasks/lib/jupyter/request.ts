/** What a user asks of `deno task jupyter`. */

import { isIPv4 } from "node:net";
import { Failure } from "../cli/failure.ts";
import type { Environment } from "../experiment/experiment.ts";
import { parseGpuOption } from "../plan/container_options.ts";
import { LOOPBACK } from "../system/address.ts";

export interface RunOptions {
  engine?: string;
  image?: string;
  detach: boolean;
  port?: string;
  host?: string;
  publish: string[];
  "token-file"?: string;
  gpus?: string;
  sudo: boolean;
  root: boolean;
  restart: boolean;
  open: boolean;
  yes: boolean;
  plan: boolean;
}

export interface ServerRequest {
  engine: string;
  image?: string;
  /** IPv4 address of this machine on which the server can be reached. */
  address: string;
  port: number;
  /** Further ports of the container that are to be reached from this machine. */
  published: number[];
  /** As the user wrote it. */
  tokenFile?: string;
  gpus?: Environment["gpus"];
  sudo: boolean;
  root: boolean;
  restart: boolean;
}

const DEFAULT_PORT = 8888;

/** @throws Failure(2) for a value of the wrong form, or options that contradict each other. */
export function readRequest(options: RunOptions): ServerRequest {
  const { engine = "auto", image, sudo, root, restart, detach } = options;
  if (sudo && root) {
    throw new Failure(2, "--sudo is for a user, and --root makes the server root's: leave out one");
  }
  if (restart && !detach) {
    throw new Failure(2, "--restart needs --detach: in the foreground JupyterLab ends with the command");
  }
  const port = options.port === undefined ? DEFAULT_PORT : readPort("--port", options.port);
  const published = [...new Set(options.publish.map((text) => readPort("--publish", text)))];
  if (published.includes(port)) {
    throw new Failure(
      2,
      `--publish ${port} is JupyterLab's own port: leave it out, or choose another --port`,
    );
  }
  return {
    ...{ engine, image, port, published, sudo, root, restart },
    address: readAddress(options.host),
    tokenFile: options["token-file"],
    gpus: options.gpus === undefined ? undefined : parseGpuOption(options.gpus),
  };
}

function readPort(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new Failure(2, `${option} must be a port from 1 to 65535, current value is "${text}"`);
}

function readAddress(text = LOOPBACK): string {
  if (text === "localhost") return LOOPBACK;
  if (isIPv4(text)) return text;
  throw new Failure(2, `--host must be an IPv4 address such as 0.0.0.0, current value is "${text}"`);
}
