/** The image that a Dockerfile or a compose file names, or the GPU-Jupyter tag that fits the framework's version. */

import { GPU_IMAGES, imageName } from "../../doctor/gpu_images.ts";
import { compareVersions } from "../../system/version.ts";
import type { Draft } from "../draft.ts";
import type { Kind } from "../kind.ts";
import type { Repository } from "../repository.ts";
import { mapping, readYaml } from "../yaml_file.ts";

/** CUDA of the GPU-Jupyter image for a torch of that version or newer: v1.10 has torch 2.9.1, v1.9 has 2.6.0. */
const CUDA_FOR_TORCH: [torch: string, cuda: string][] = [
  ["2.7", "12.9"],
  ["2.5", "12.6"],
  ["2.3", "12.5"],
  ["2.1", "12.0"],
  ["0", "11.8"],
];

export const IMAGES: Kind = {
  name: "images",
  look(repository, draft) {
    for (const path of repository.named(/^(?:docker\/)?(?:docker-)?compose\.ya?ml$/)) {
      const file = readYaml(repository, path);
      for (const [name, service] of Object.entries(mapping(mapping(file?.data).services))) {
        const image = mapping(service).image;
        // One that is built here has a name that nobody else knows.
        if (typeof image !== "string" || mapping(service).build !== undefined || image.includes("$")) {
          continue;
        }
        const found = `${path}:${file!.line(["services", name, "image"])}`;
        draft.images.push({ value: image, found, certainty: "stated" });
      }
    }
    for (const path of repository.named(/^(?:(?:docker|\.devcontainer|binder|\.binder)\/)?Dockerfile$/)) {
      const base = baseOf(repository.text(path) ?? "");
      if (base === undefined) continue;
      draft.images.push({ value: base.image, found: `${path}:${base.line}`, certainty: "stated" });
      draft.notes.push(
        `${path} adds to its base image what environment.image does not: compare it with what is installed`,
      );
    }
    if (draft.images.length === 0 && draft.gpus !== undefined) suggest(repository, draft);
  },
};

/** The last stage's image, with the defaults of its arguments. */
function baseOf(text: string): { image: string; line: number } | undefined {
  const values = new Map<string, string>();
  const stages = new Map<string, string>();
  let found: { image: string; line: number } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const [, name, value] = /^\s*ARG\s+(\w+)=["']?([^\s"']+)/i.exec(line) ?? [];
    if (name !== undefined) values.set(name, value!);
    const [, image, stage] = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line) ?? [];
    if (image === undefined) continue;
    const filled = image.replace(/\$\{?(\w+)\}?/g, (whole, key) => values.get(key) ?? whole);
    const real = stages.get(filled.toLowerCase()) ?? filled;
    if (stage !== undefined) stages.set(stage.toLowerCase(), real);
    found = real.includes("$") || real === "scratch" ? undefined : { image: real, line: index + 1 };
  }
  return found;
}

/** A GPU-Jupyter tag for a repository that names no image. */
function suggest(repository: Repository, draft: Draft) {
  const sources = [
    ...draft.requirements.slice(0, 1).flatMap(({ value }) =>
      value.map((path) => [path, repository.text(path) ?? ""] as const)
    ),
    ...draft.install.map(({ value, found }) => [found, value.join("\n")] as const),
  ];
  for (const [path, text] of sources) {
    const match =
      /^[\s"'-]*(?:py)?torch(?:\[[^\]]*\])?\s*(?:==|~=|>=|<=|=)\s*"?(\d+(?:\.\d+)*)/m.exec(text) ??
        /^name = "torch"\nversion = "(\d+(?:\.\d+)*)/m.exec(text);
    if (match === null) continue;
    const cuda = CUDA_FOR_TORCH.find(([oldest]) => compareVersions(match[1]!, oldest) >= 0)![1];
    const image = imageName(GPU_IMAGES.find((one) => one.cuda === cuda)!);
    const line = /:\d/.test(path) ? path : `${path}:${text.slice(0, match.index + 1).split("\n").length}`;
    draft.images.push({ value: image, found: `${line}, torch ${match[1]}`, certainty: "guessed" });
    return;
  }
  const found = `${draft.gpus!.found}, a framework without a version`;
  draft.images.push({ value: imageName(GPU_IMAGES[0]!), found, certainty: "guessed" });
}
