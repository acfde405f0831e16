/** On which addresses of this machine JupyterLab can be reached. */

export const LOOPBACK = "127.0.0.1";

/** Addresses of this machine to bind: one from outside is not asked from here, so the loopback is bound as well. */
export function addressesToBind(address: string): string[] {
  return includesLoopback(address) ? [address] : [address, LOOPBACK];
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}

/** Whether a server that listens there answers on the loopback's own address. */
export function includesLoopback(address: string): boolean {
  return address === LOOPBACK || address === "0.0.0.0";
}
