/** Ports of this machine. */

import { LOOPBACK } from "./address.ts";

/** How far to look for a free port. */
const NEXT_PORTS = 100;

/** Whether a program could listen there now; a port that only root may take counts as free. */
export function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: LOOPBACK, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  }
}

/** The next port after this one that is free and not spoken for. */
export function nextFree(port: number, except: number[] = []): number | undefined {
  const candidates = Array.from({ length: NEXT_PORTS }, (_, index) => port + 1 + index);
  return candidates.find((one) => one <= 65_535 && !except.includes(one) && isFree(one));
}
