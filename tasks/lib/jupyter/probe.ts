/** Whether JupyterLab answers, and only to those who have the token. */

import { get } from "node:http";
import { LOOPBACK } from "../system/address.ts";

/** Asked on the loopback: a proxy that the environment names is none of its business, so it is not `fetch`. */
export function statusOf(
  port: number,
  path: string,
  token?: string,
  timeoutMs = 3000,
): Promise<number | undefined> {
  const headers = token === undefined ? {} : { Authorization: `token ${token}` };
  return new Promise((resolve) => {
    const request = get(
      { host: LOOPBACK, port, path, headers, timeout: timeoutMs, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(undefined));
    request.on("close", () => resolve(undefined));
  });
}

/** Whether the server answers and takes the token. */
export async function answers(port: number, token: string): Promise<boolean> {
  return await statusOf(port, "/api/status", token) === 200;
}

/**
 * - silent: nothing answers yet
 * - strange: something answers that does not take the token
 * - open: it lets everybody in
 * - ready
 */
export type Answer = "silent" | "strange" | "open" | "ready";

/** What a new server answers with the token, and without it. */
export async function probe(port: number, token: string): Promise<Answer> {
  const withToken = await statusOf(port, "/api/status", token);
  if (withToken === undefined) return "silent";
  if (withToken !== 200) return "strange";
  return await statusOf(port, "/api/contents") === 200 ? "open" : "ready";
}
