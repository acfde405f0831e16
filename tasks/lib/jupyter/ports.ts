/** The ports of this machine that JupyterLab is to be reached at. */

import { Failure } from "../cli/failure.ts";
import { LOOPBACK } from "../system/address.ts";
import { isFree, nextFree } from "../system/port.ts";
import type { ServerPlan } from "./plan.ts";

type Ports = Pick<ServerPlan, "address" | "port" | "published">;

/**
 * Makes sure that ports can be bound.
 *
 * @throws Failure(3) that offers a free one.
 */
export function requireFree({ port, published }: Ports) {
  const taken = [port, ...published].find((one) => !isFree(one));
  if (taken === undefined) return;
  const next = nextFree(taken, [port, ...published]);
  const option = taken === port ? "--port" : "--publish";
  throw new Failure(3, `Cannot use port ${taken}: another program listens there`, {
    remedy: next === undefined
      ? "End that program"
      : `deno task jupyter ${option} ${next}, or end that program`,
  });
}

/** What an engine means that could not bind one: the loopback was looked at before; another address only it can try. */
export function portsTaken({ address, port, published }: Ports): Failure {
  const host = address === LOOPBACK ? "" : ` --host ${address}`;
  return new Failure(
    3,
    `Cannot use port ${[port, ...published].join(" or ")} of ${address}: another program listens there`,
    { remedy: `deno task jupyter${host} --port ${port + 1}, or end that program` },
  );
}
