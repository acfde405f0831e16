/** What a task may do: named sets, which `deno task generate` writes to deno.json. */

/**
 * All may read files and environment variables. Who may start programs may start any: a list of them refuses to work
 * under LD_LIBRARY_PATH, which clusters set. What such a task may ask of the system is no more than those programs tell.
 */
export const PERMISSION_SETS = {
  /** Look at files. */
  read: { read: true, env: true },
  /** Look at the machine by other programs, and change nothing. */
  inspect: { read: true, env: true, sys: system(), run: true },
  /** Write files, and start nothing. */
  write: { read: true, write: true, env: true, sys: ["hostname"] },
  /** Run experiments and build images; connections are for other programs and other tasks. */
  run: { read: true, write: true, env: true, sys: system(), run: true },
  /** Start JupyterLab, and ask it on this machine whether it answers. */
  serve: { read: true, write: true, env: true, sys: system(), net: ["127.0.0.1"], run: true },
  /** Get data from any machine. */
  fetch: { read: true, write: true, env: true, sys: ["hostname"], net: true, run: true },
} satisfies Record<string, Permissions>;

export type PermissionSet = keyof typeof PERMISSION_SETS;

/** As Deno reads them in deno.json: all of a kind, or what is listed. */
type Permissions = Partial<Record<"read" | "write" | "env" | "sys" | "net" | "run", true | string[]>>;

function system(): string[] {
  return ["hostname", "osRelease", "cpus", "systemMemoryInfo", "uid", "gid"];
}
