/** Names that a parameter can't have. */

/** What `{name}` in a command means whatever the parameters are. */
export const OWN_PLACEHOLDERS: readonly string[] = ["out", "cache"];

/** The options and placeholders of the tasks themselves; a parameter can't be called like one of them. */
export const RESERVED_PARAMETERS: readonly string[] = [
  "plan",
  "json",
  "engine",
  "help",
  "runs",
  "reuse",
  "resume",
  "keep-outputs",
  "yes",
  "twice",
  "sweep",
  "open",
  "force",
  ...OWN_PLACEHOLDERS,
  "steps",
  "parameter",
  "parameters-file",
  "list-parameters",
  "kernel",
  "cwd",
  "results",
  "timeout",
  "total-timeout",
  "start-timeout",
  "allow-errors",
  "html",
  "jobs",
  "image",
  "gpus",
  "shm-size",
  "memory",
  "cpus",
  "network",
  "mount",
  "offline",
  "on",
];
