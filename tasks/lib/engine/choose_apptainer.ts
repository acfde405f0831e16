/** The steps in apptainer: which SIF file, made from what. */

import { Failure } from "../cli/failure.ts";
import { imageLabels, requireApptainer } from "../container/apptainer.ts";
import { checkSif } from "../container/sif_file.ts";
import { type Convertible, findOrigin } from "../container/sif_origin.ts";
import { ensureSif, findSif, hashSif, sifPath } from "../container/sif.ts";
import { PROJECT_LABEL } from "../container/client.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { shellQuote } from "../system/command.ts";
import type { Host } from "../system/host.ts";
import { callerFolder } from "../system/project_root.ts";
import type { EngineChoice, EngineRequest } from "./engine.ts";
import { imageNames, outdated, staleNote } from "./own_image.ts";

/** @throws Failure(3) if there is no apptainer, or no image for it; Failure(2) for a file that is no whole SIF. */
export async function chooseApptainer(
  request: EngineRequest,
  because: string,
  experiment: Experiment,
  host: Host,
): Promise<EngineChoice> {
  const names = imageNames(experiment, host);
  const [version, source] = await Promise.all([
    requireApptainer(),
    findOrigin(request.image, names, callerFolder()),
  ]);
  const { file, sha256, note } = "file" in source
    ? await ownFile(source.file)
    : await converted(source, request);
  const labels = sha256 === undefined ? {} : await imageLabels(file);
  return {
    engine: { name: "apptainer", because, version },
    container: {
      image: {
        name: source.name,
        id: sha256 === undefined ? "not converted yet" : `sha256:${sha256}`,
        file,
        ...("id" in source && { madeFrom: source.id }),
      },
      entrypoint: [],
      user: `${host.uid}:${host.gid}`,
      keepId: true,
      home: "/tmp",
      projectAt: labels[PROJECT_LABEL],
      isProcess: true,
      unset: overridingVariables(Object.keys(Deno.env.toObject())),
    },
    ...(await outdated(labels, experiment.root) ? { isStale: true, note: staleNote(source.name) } : { note }),
  };
}

interface Chosen {
  file: string;
  /** Not known where only a plan is wanted and the file is not there yet. */
  sha256?: string;
  note?: string;
}

async function ownFile(file: string): Promise<Chosen> {
  await checkSif(file);
  return { file, sha256: await hashSif(file) };
}

/** The SIF of an image, made if it must be. */
async function converted(source: Convertible, { reporter, obtain }: EngineRequest): Promise<Chosen> {
  const found = await findSif(source);
  if (found !== undefined) return { ...found, note: source.fromNetwork ? asItWas(found.file) : undefined };
  if (reporter === undefined) return { file: sifPath(source) };
  if (source.fromNetwork && obtain === undefined) {
    throw new Failure(3, `Cannot run in ${source.name}: it has to be downloaded first`, {
      remedy: "Add --yes to download it; a GPU-Jupyter image is several gigabytes",
    });
  }
  return await ensureSif(source, reporter);
}

/** What a registry has under a name may change, and only a download would tell. */
function asItWas(file: string): string {
  const day = Deno.statSync(file).mtime?.toISOString().slice(0, 10);
  return `The image is as it was downloaded on ${day}; to download it anew: rm ${shellQuote([file])}`;
}

/** Places and not settings: what the caller says about them holds. */
const PLACES = /^APPTAINER_(?:CACHEDIR|TMPDIR|CONFIGDIR)$/;

/** Which of the caller's variables would set options of apptainer, mount folders, or reach the step. */
export function overridingVariables(names: string[]): string[] {
  return names.filter((name) => /^(?:APPTAINER|SINGULARITY)(?:ENV)?_/.test(name) && !PLACES.test(name))
    .sort();
}
