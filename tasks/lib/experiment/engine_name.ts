/** The engines: what the steps and JupyterLab can run in. */

/** In the order in which `auto` asks them. A new engine is a name here and a file of that name in `engine/engines/`. */
export const ENGINE_NAMES = ["host", "docker", "podman", "nerdctl", "apptainer"] as const;

export type EngineName = typeof ENGINE_NAMES[number];

/** Values of `--engine`. */
export const ENGINE_CHOICES: string[] = ["auto", ...ENGINE_NAMES];
