/** What the engines docker, podman and nerdctl are. */

import { inspectImage, LABELS, listContainers, requireEngine } from "../container/client.ts";
import type { ContainerProgram } from "../container/program.ts";
import { isOnPath } from "../system/on_path.ts";
import { stepContainer } from "./container.ts";
import type { Engine } from "./engine.ts";

/** Loads what asks the program, and what looks after a container, only when it is needed. */
export function containerEngine(program: ContainerProgram): Engine {
  return {
    name: program,
    choose: async (...asked) =>
      await (await import("./choose_container.ts")).chooseContainer(program, ...asked),
    offer: async (...asked) => {
      if (!isOnPath(program)) return undefined;
      return await (await import("./choose_container.ts")).offerContainer(program, ...asked);
    },
    askEarly: (image, willRun) => {
      const early = {
        engine: requireEngine(program),
        image: image === undefined ? undefined : inspectImage(program, image),
        steps: willRun ? listContainers(program, { [LABELS.role]: "step" }) : undefined,
      };
      Object.values(early).forEach((answer) => answer?.catch(() => {}));
      return early;
    },
    takes: () => isOnPath(program) ? "well" : "not",
    command: (...planned) => stepContainer(program, ...planned),
    runtime: async (...planned) =>
      (await import("./step_container.ts")).containerRuntime(program, ...planned),
    reap: async (root, steps) => {
      // Mostly there is none, and the engine need not be asked again.
      if ((await steps)?.length === 0) return [];
      return await (await import("./step_container.ts")).reapContainers(program, root);
    },
    server: { kind: "container", program },
    permissions: program,
  };
}
