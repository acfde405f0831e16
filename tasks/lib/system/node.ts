/**
 * Modules of Node that are loaded when they are first used. Each takes 4 to 7 ms, as long as ten files of ours, and no
 * plan needs them; in a run they are loaded while the first step starts.
 */

// deno-lint-ignore-file no-process-global -- importing node:process is what takes so long

export function nodeCrypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}

export function nodeFs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

export function nodeProcess(): typeof process {
  return process;
}
