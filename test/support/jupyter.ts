/** An image, real HTTP, a real terminal and free ports for the tests of JupyterLab. */

import { request as startRequest } from "node:http";
import { nextFree } from "../../tasks/lib/system/port.ts";
import { call, said } from "./engines.ts";

/** The experiment's own image, or the one that the tests of the images make. */
const IMAGES = ["digits-resnet:cpu", "images-test:cpu"];

/** An image with JupyterLab for tests with Docker, or what is missing. */
export async function findImage(): Promise<{ image: string } | { missing: string }> {
  const engine = await call(["docker", "version"]).catch(() => undefined);
  if (engine?.code !== 0) return { missing: "no Docker Engine answers" };
  for (const image of IMAGES) {
    if ((await call(["docker", "image", "inspect", image])).code === 0) return { image };
  }
  return { missing: `there is no image ${IMAGES[0]} (deno task build --cpu)` };
}

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

/** Types a line into a new terminal of JupyterLab; returns what the terminal shows until the text comes up in it. */
export async function typeInTerminal(
  port: number,
  token: string,
  line: string,
  last: RegExp,
): Promise<string> {
  const { text } = await ask(port, "/api/terminals", { token, method: "POST" });
  const { name } = JSON.parse(text);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/terminals/websocket/${name}?token=${token}`);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  let shown = "";
  const done = new Promise<string>((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const [kind, output] = JSON.parse(data);
      if (kind === "stdout") shown += output;
      if (last.test(shown)) resolve(shown);
    };
    setTimeout(
      () => reject(new Error(`Waited 120 s in vain for ${last} in a terminal that shows: ${shown}`)),
      120_000,
    );
  });
  socket.send(JSON.stringify(["stdin", `${line}\r`]));
  try {
    return await done;
  } finally {
    socket.close();
  }
}
