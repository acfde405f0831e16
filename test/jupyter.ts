/** Real HTTP and real ports for the tests of JupyterLab. */

import { request as startRequest } from "node:http";
import { nextFree } from "../tasks/lib/jupyter/port.ts";
import { said } from "./engines.ts";

/** Ports of their own for tests that run one after the other. */
let lastPort = 18_800;
export function freePort(): number {
  return lastPort = nextFree(lastPort)!;
}

/** Asks a server on the loopback; returns the status and the body. */
export async function ask(
  port: number,
  path: string,
  { token, method = "GET", body }: { token?: string; method?: string; body?: unknown } = {},
): Promise<{ status: number; text: string }> {
  const headers = token === undefined ? {} : { Authorization: `token ${token}` };
  return await new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, headers, method, agent: false };
    const question = startRequest(options, (response) => {
      let text = "";
      response.on("data", (chunk) => text += chunk);
      response.on("end", () => resolve({ status: response.statusCode!, text }));
    });
    question.on("error", reject);
    question.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export function tokenOf(url: string): string {
  return new URL(url).searchParams.get("token")!;
}

/** Addresses of this machine on which somebody listens at a port. */
export async function listeners(port: number): Promise<string[]> {
  const lines = (await said(["ss", "-ltnH", `sport = :${port}`])).split("\n").filter((line) => line !== "");
  return lines.map((line) => line.trim().split(/\s+/)[3]!.replace(/:\d+$/, ""));
}
