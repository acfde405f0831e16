/** What the steps can run in. */

/** Programs with Docker's command line; what differs between them is said here and in `engine/`. */
export const CONTAINER_PROGRAMS = ["docker", "podman", "nerdctl"] as const;

export type ContainerProgram = typeof CONTAINER_PROGRAMS[number];

export type EngineName = "host" | ContainerProgram | "apptainer";
