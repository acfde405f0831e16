/** Ports of this machine: which are free, and who holds those that are not. */

import { Failure } from "../cli/failure.ts";
import type { ContainerProgram } from "../experiment/engine_name.ts";
import { run } from "../system/command.ts";
import { isFree, nextFree, processOn } from "../system/port.ts";

/**
 * Makes sure that ports can be bound.
 *
 * @param argv the command line to try again with another port
 * @throws Failure(3) that says who holds the port and offers a free one.
 */
export async function requireFree(
  { port, published, program }: { port: number; published: number[]; program?: ContainerProgram },
): Promise<void> {
  const taken = [port, ...published].find((one) => !isFree(one));
  if (taken === undefined) return;
  const next = nextFree(taken, [port, ...published]);
  const option = taken === port ? "--port" : "--publish";
  throw new Failure(3, `Cannot use port ${taken}: ${await holderOf(taken, program)} listens there`, {
    remedy: next === undefined ? "End that program" : `deno task run ${option} ${next}`,
  });
}

async function holderOf(port: number, program?: ContainerProgram): Promise<string> {
  const container = program &&
    containerOn(port, await output([program, "ps", "--format", "{{.Names}}\t{{.Ports}}"]));
  if (container) return `the container ${container} (${program})`;
  const found = processOn(await output(["ss", "-ltnpH", `sport = :${port}`])) ??
    processOfLsof(await output(["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]));
  return found ?? "another program, which this user may not see,";
}

async function output(argv: string[]): Promise<string> {
  try {
    return (await run(argv, { timeoutMs: 5000 })).stdout;
  } catch {
    return ""; // the program is not there
  }
}

/** Name of the container that an engine's list shows on a port: `name<TAB>127.0.0.1:8888->8888/tcp, …`. */
export function containerOn(port: number, list: string): string | undefined {
  for (const line of list.split("\n")) {
    const [name, ports = ""] = line.split("\t");
    // Docker shows neighbouring ports as a range.
    for (const [, from, to] of ports.matchAll(/:(\d+)(?:-(\d+))?->/g)) {
      if (Number(from) <= port && port <= Number(to ?? from)) return name;
    }
  }
}

/** `p123` and `cpython3` on lines of their own, as above. */
export function processOfLsof(fields: string): string | undefined {
  const [pid, command] = [/^p(\d+)$/m.exec(fields)?.[1], /^c(.+)$/m.exec(fields)?.[1]];
  return pid && command ? `${command} (process ${pid})` : undefined;
}
