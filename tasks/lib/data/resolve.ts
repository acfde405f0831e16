/** Data that are named, not addressed (`from:`): looked up once, and pinned in experiment.lock by address and hash. */

import { relative } from "node:path";
import { Failure } from "../cli/failure.ts";
import type { Terminal } from "../cli/terminal.ts";
import type { Data, Experiment } from "../experiment/experiment.ts";
import { lockPath, writePin } from "../experiment/pins.ts";
import { declaredOf, readDataPin } from "./checksum.ts";
import type { DepositedFile } from "./repository/deposit.ts";

export interface ResolveOptions {
  offline: boolean;
  /** Take a host that is known only by how it answers. */
  yes: boolean;
}

/**
 * Looks up those that no pin answers for. A file of Croissant is read each time, since it costs nothing.
 *
 * @throws Failure(3) for what can't be looked up now; Failure(2) for what is not there, states no hash, or contradicts
 * the pin or the YAML
 */
export async function resolveData(
  experiment: Experiment,
  chosen: Data[],
  options: ResolveOptions,
  terminal: Pick<Terminal, "line">,
): Promise<void> {
  for (const data of chosen) {
    if (data.from === undefined) continue;
    const pin = await readDataPin(experiment, data);
    const isLocal = data.from.startsWith("croissant:");
    if (pin !== undefined && !isLocal) continue;
    if (options.offline && !isLocal) {
      if (!("from" in data.hash)) continue; // it may be in the cache
      throw new Failure(
        3,
        `Cannot get the data "${data.name}" offline: ${data.from} is not pinned in experiment.lock`,
        {
          remedy:
            `On a machine with a network: deno task data fetch ${experiment.name}; then commit experiment.lock`,
        },
      );
    }
    const file = await lookUp(experiment.root, data, options);
    const found = { url: file.url, size: file.size, sha256: file.sha256, md5: file.md5 };
    if (found.sha256 === undefined && found.md5 === undefined && "from" in data.hash) {
      throw new Failure(2, `Cannot take ${data.from}: no MD5 or SHA-256 is stated for it`, {
        remedy: `Write data.${data.name}.sha256 into the YAML`,
      });
    }
    refuseOther(data, data.hash, found, "experiment.yaml");
    if (pin !== undefined) {
      refuseOther(data, pin, found, "experiment.lock");
      continue;
    }
    await writePin(experiment, "data", data.name, { declared: declaredOf(data), ...withoutUndefined(found) });
    const lock = relative(experiment.root, lockPath(experiment));
    terminal.line(`${data.name}: ${data.from} is ${file.url}, pinned in ${lock}; commit that file`);
  }
}

async function lookUp(root: string, { from = "" }: Data, { yes }: ResolveOptions): Promise<DepositedFile> {
  const [kind, rest = ""] = from.split(/:(.*)/s);
  if (kind === "hf") return await (await import("./repository/hugging_face.ts")).hubFile(rest);
  if (kind === "croissant") {
    return await (await import("./repository/croissant.ts")).croissantFile(root, rest);
  }
  const { depositOf } = await import("./repository/doi.ts");
  const [doi = "", path] = rest.split(/#(.*)/s);
  const { host, known, files } = await depositOf(doi.toLowerCase());
  if (!known && !yes) {
    throw new Failure(
      2,
      `Cannot take ${from} without being told to: it leads to ${host}, which says that it is a Dataverse`,
      {
        remedy: "Add --yes",
      },
    );
  }
  const file = files.find((one) => one.path === path);
  if (file !== undefined) return file;
  const names = files.slice(0, 5).map((one) => one.path).join(", ");
  throw new Failure(2, `Cannot find ${from}: ${host} has no such file there`, {
    remedy: `It has ${names}${files.length > 5 ? `, and ${files.length - 5} more` : ""}`,
  });
}

type Stated = { sha256?: string; md5?: string };

function refuseOther({ name, from }: Data, wanted: Stated | { from: string }, found: Stated, where: string) {
  for (const kind of ["sha256", "md5"] as const) {
    const [one, other] = [(wanted as Stated)[kind], found[kind]];
    if (one === undefined || other === undefined || other.startsWith(one)) continue;
    throw new Failure(
      2,
      `Cannot take ${from}: its ${kind} is ${other}, and ${where} has ${one} for "${name}"`,
      {
        remedy: `If the new bytes are to be taken, remove "${name}" from ${
          where === "experiment.lock" ? where : "experiment.lock, and the hash from the YAML"
        }`,
      },
    );
  }
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
