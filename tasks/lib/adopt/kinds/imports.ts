/** What Python sources import, where no file says what they need; and whether they use a GPU. */

import type { Kind } from "../kind.ts";
import { STANDARD_LIBRARY } from "../python_facts.ts";
import type { Repository } from "../repository.ts";

/** Packages that are called otherwise than what they are imported as. */
const PACKAGES: Record<string, string> = {
  cv2: "opencv-python-headless",
  sklearn: "scikit-learn",
  skimage: "scikit-image",
  PIL: "pillow",
  yaml: "pyyaml",
  bs4: "beautifulsoup4",
  dateutil: "python-dateutil",
  dotenv: "python-dotenv",
  attr: "attrs",
  Crypto: "pycryptodome",
  OpenSSL: "pyopenssl",
  Bio: "biopython",
  umap: "umap-learn",
  git: "gitpython",
  serial: "pyserial",
  pytorch_lightning: "pytorch-lightning",
  sentence_transformers: "sentence-transformers",
  torch_geometric: "torch-geometric",
  mpl_toolkits: "matplotlib",
  google: "protobuf",
  IPython: "ipython",
  tensorflow_datasets: "tensorflow-datasets",
  faiss: "faiss-cpu",
  fitz: "pymupdf",
  lightning: "lightning",
  imblearn: "imbalanced-learn",
  autosklearn: "auto-sklearn",
  scikitplot: "scikit-plot",
  skopt: "scikit-optimize",
  sksurv: "scikit-survival",
  sklearn_extra: "scikit-learn-extra",
  skbio: "scikit-bio",
  skfuzzy: "scikit-fuzzy",
  skmisc: "scikit-misc",
  janitor: "pyjanitor",
  pywt: "pywavelets",
  community: "python-louvain",
  Levenshtein: "levenshtein",
  docx: "python-docx",
  pptx: "python-pptx",
  github: "pygithub",
  jwt: "pyjwt",
  usb: "pyusb",
  zmq: "pyzmq",
  MySQLdb: "mysqlclient",
  psycopg2: "psycopg2-binary",
  ignite: "pytorch-ignite",
  open_clip: "open-clip-torch",
  Cython: "cython",
  sql: "ipython-sql",
};

const FRAMEWORKS = /^(?:torch|tensorflow|jax|keras|pytorch_lightning|lightning|cupy|mxnet|paddle)$/;

export const IMPORTS: Kind = {
  name: "imports",
  async look(repository, draft) {
    const isDescribed = draft.requirements.length > 0 || draft.install.some(({ value }) => value.length > 0);
    const python = await repository.python({ imports: !isDescribed });
    const standard = python.get(STANDARD_LIBRARY)?.imports ?? {};
    const own = ownModules(repository);
    const packages = new Map<string, string>();
    let framework: string | undefined;
    let cuda: string | undefined;
    for (const [path, { imports = {}, cuda: line }] of python) {
      if (
        path === STANDARD_LIBRARY || /(?:^|\/)(?:tests?|docs?)\/|(?:^|\/)test_[^/]*$|_test\.py$/.test(path)
      ) continue;
      if (line !== undefined) cuda ??= `${path}:${line}`;
      for (const [module, at] of Object.entries(imports)) {
        const top = module.split(".")[0]!;
        if (top === "" || Object.hasOwn(standard, top) || own.has(top)) continue;
        if (NEVER.test(top) && !Object.hasOwn(PACKAGES, top)) continue;
        if (FRAMEWORKS.test(top)) framework ??= `${path}:${at}`;
        const name = PACKAGES[top] ?? top;
        if (!packages.has(name)) packages.set(name, `${path}:${at}`);
      }
    }
    const place = cuda !== undefined && framework !== undefined ? cuda : framework;
    if (place !== undefined) draft.gpus = { value: "optional", found: place, certainty: "read" };
    if (isDescribed || packages.size === 0) return;
    const [first] = packages.values();
    draft.install.push({
      value: [...packages.keys()].sort(),
      found: `imports, the first in ${first}`,
      certainty: "guessed",
    });
  },
};

/**
 * Packages that the sources of steps import and the texts of an environment do not name: a setup.py says what a library
 * needs, and not what its notebooks do.
 */
export async function unnamedPackages(
  repository: Repository,
  sources: string[],
  texts: string,
): Promise<Map<string, string>> {
  const python = await repository.python();
  const standard = python.get(STANDARD_LIBRARY)?.imports ?? {};
  const own = ownModules(repository);
  const plain = (text: string) => text.toLowerCase().replaceAll(/[_.]/g, "-");
  const said = plain(texts);
  const found = new Map<string, string>();
  for (const path of sources) {
    for (const [module, line] of Object.entries(python.get(path)?.imports ?? {})) {
      const top = module.split(".")[0]!;
      const name = PACKAGES[top] ?? top;
      if (top === "" || Object.hasOwn(standard, top) || own.has(top) || NEVER.test(top)) continue;
      const isSaid = [name, top].some((one) => new RegExp(`(?<![\\w-])${plain(one)}(?![\\w])`).test(said));
      if (!isSaid && !found.has(name)) found.set(name, `${path}${path.endsWith(".ipynb") ? "" : `:${line}`}`);
    }
  }
  return found;
}

/**
 * Those of the packages that sources import, themselves or by modules of the repository: a package of a notebook that is
 * not proposed may be one that can't be had.
 *
 * @param sources of all steps; where one is no Python, nobody knows what it starts, and all packages stay
 */
export async function packagesOf(
  repository: Repository,
  sources: string[],
  packages: string[],
): Promise<string[]> {
  if (sources.length === 0 || !sources.every((path) => /\.(?:py|ipynb)$/.test(path))) return packages;
  const python = await repository.python();
  const needed = new Set<string>();
  const reached = new Set(sources);
  for (const path of reached) {
    for (const module of Object.keys(python.get(path)?.imports ?? {})) {
      const parts = module.split(".").filter((part) => part !== "");
      if (parts.length > 0) needed.add(PACKAGES[parts[0]!] ?? parts[0]!);
      for (const part of parts) {
        for (const file of repository.named(/\.py$/)) {
          if (file.split("/").some((one) => one.replace(/\.py$/, "") === part)) reached.add(file);
        }
      }
    }
  }
  return packages.filter((name) => needed.has(name));
}

/** What no index has under that name. */
const NEVER =
  /^(?:google|mpl_toolkits|pylab|__future__|IPython|pkg_resources|setuptools|distutils|Tkinter|ConfigParser|cPickle|cStringIO|StringIO|Queue|urllib2|urlparse|httplib|commands|__builtin__)$/;

/** Modules that the repository itself has: files and folders that a script beside them can import. */
function ownModules(repository: Repository): Set<string> {
  const own = new Set<string>();
  for (const path of repository.named(/\.py$/)) {
    for (const part of path.split("/")) own.add(part.replace(/\.py$/, ""));
  }
  return own;
}
