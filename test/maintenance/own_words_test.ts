/** `tasks/` serves any repository, so it has no word of what this one's experiments are and are made of. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { listFiles } from "../../tasks/lib/system/files.ts";
import { ROOT } from "../support/project.ts";

/** Words that are the field's as well as this repository's, by where they may stand, and why. */
const FIELD: [words: string[], files: RegExp, because: string][] = [
  [
    ["torch", "tensorflow"],
    /^tasks\/inside\/(?:frameworks\.py|step_children\.py|children\/|image\/)/,
    "what a step's process records of its framework, and what an image keeps of its base",
  ],
  [
    ["torch", "torchvision"],
    /^tasks\/lib\/(?:environment|image|experiment|maintenance)\//,
    "`torch:` of experiment.yaml: PyTorch's builds, CPU or CUDA",
  ],
  [
    ["torch", "numpy", "pillow", "tensorflow", "safetensors"],
    /^tasks\/lib\/compare\/aspects\.ts$/,
    "packages that compute, in anybody's environment",
  ],
  [["torch"], /^tasks\/inside\/cluster\/run_member\.py$/, "the launcher of runs on several nodes"],
  [["numpy"], /^tasks\/inside\/children\//, "what a child's record is about"],
  [["tensorflow"], /^tasks\/lib\/values\/tensorboard\.ts$/, "TensorBoard's format of logs"],
  [["safetensors"], /^tasks\/lib\/(?:compare|sources)\//, "a format of files, in which models are compared"],
  [
    ["ipykernel", "nbclient", "nbconvert"],
    /^tasks\/(?:inside\/notebook\/|lib\/run\/check_programs\.ts|lib\/environment\/packages_of_then\.ts)/,
    "what executes notebooks",
  ],
  [
    [
      "torch",
      "torchvision",
      "tensorflow",
      "tensorflow-cpu",
      "numpy",
      "scikit-learn",
      "pillow",
      "safetensors",
    ],
    /^tasks\/(?:inside\/(?:audit|adopt)|lib\/adopt)\//,
    "what anybody's code imports, and what keeps it from being reproduced",
  ],
  [
    ["matplotlib", "ipykernel", "nbclient", "nbconvert", "ipywidgets", "tqdm"],
    /^tasks\/(?:inside\/(?:audit|adopt)|lib\/adopt)\//,
    "the same",
  ],
  [["tensorflow"], /^tasks\/lib\/maintenance\/run_tests\.ts$/, "the name of a test that takes long"],
  [["resnet", "resnet18"], /^tasks\/inside\/audit\/rules\/pickled_model\.py$/, "what people call a model"],
  [["pytest", "ruff", "mypy"], /^tasks\/lib\/(?:maintenance|environment)\//, "the maintainers' own checks"],
  [
    ["matplotlib", "ipykernel", "nbclient", "nbconvert"],
    /^tasks\/inside\/image\/requirements\.lock$/,
    "JupyterLab",
  ],
];

Deno.test("tasks/ has no word of this repository's experiments, packages and images", async () => {
  const words = await ownWords();
  for (const word of ["eurosat", "digits-resnet", "scikit-learn", "torch", "train_resnet"]) {
    assert.ok(words.includes(word), `${word} of ${words}`);
  }
  const files = await listFiles(join(ROOT, "tasks"), (path) => path.includes("__pycache__"));
  const found: string[] = [];
  for (const file of files.map(({ path }) => `tasks/${path}`)) {
    const text = (await Deno.readTextFile(join(ROOT, file))).toLowerCase();
    for (
      const word of words.filter((word) =>
        new RegExp(`(?<![\\w-])${RegExp.escape(word)}(?![\\w-])`).test(text)
      )
    ) {
      if (!FIELD.some(([field, where]) => field.includes(word) && where.test(file))) {
        found.push(`${file}: ${word}`);
      }
    }
  }
  assert.deepEqual(found, []);
});

/** In small letters: names of experiments, notebooks and folders of code; the packages that are required; the images. */
async function ownWords(): Promise<string[]> {
  const names = async (folder: string) =>
    (await Array.fromAsync(Deno.readDir(join(ROOT, folder)))).map(({ name }) => name);
  const experiments = (await names("experiments")).filter((name) => !name.startsWith("_"));
  const files = ["experiment.yaml", ...experiments.map((name) => `experiments/${name}/experiment.yaml`)];
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(join(ROOT, file)).catch(() => "")));
  const lists = [
    "requirements.txt",
    "requirements-gpu.txt",
    "test/requirements.txt",
    "experiments/digits_tensorflow/requirements.txt",
  ];
  const packages = await Promise.all(lists.map((file) => Deno.readTextFile(join(ROOT, file))));
  const code = await names("src");
  return [
    ...new Set(
      [
        ...texts.flatMap((
          text,
        ) => [/^name: (\S+)/m.exec(text)?.[1] ?? "", /^ {2}image: (\S+)/m.exec(text)?.[1] ?? ""]),
        ...experiments.filter((name) => name !== "gpu"),
        ...(await names("notebooks")).map((name) => basename(name, ".ipynb")),
        ...code.filter((name) => /^[a-z]+$/.test(name)).flatMap((name) => [`src/${name}`, `src.${name}`]),
        ...packages.flatMap((text) => [...text.matchAll(/^[A-Za-z][\w-]*/gm)].map(([name]) => name)),
        "resnet",
        "resnet-18",
        "eurosat",
      ].filter((word) => word !== "gpu" && word !== "").map((word) => word.toLowerCase()),
    ),
  ];
}
