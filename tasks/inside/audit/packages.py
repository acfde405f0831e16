"""What a repository says is to be installed: packages, and images."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import sys
import typing
from dataclasses import dataclass

from audit.project import Project
from audit.shell import commands, pip_installs
from audit.source import argument, text
from audit.standard_library import REMOVED, modules

#: What a Python that can install anything has besides.
STANDARD = modules() | REMOVED | frozenset(("pip", "setuptools", "pkg_resources", "wheel"))


@dataclass
class Wish:
    """A package that somebody is told to install."""

    file: str
    line: int
    #: As it is written.
    text: str
    name: str
    pinned: bool
    cell: int | None = None
    #: For tests, docs and linters: no result comes from it.
    for_developers: bool = False


@dataclass
class Image:
    file: str
    line: int
    name: str
    #: It has no tag that lasts, and no digest.
    moves: bool


REQUIREMENTS = r".*require[^/]*\.(txt|in)|constraints.*\.txt"
FOR_DEVELOPERS = re.compile(
    r"(^|[-_./])(dev|develop|development|tests?|testing|docs?|lint|ci|build|style)([-_./]|$)", re.IGNORECASE
)

#: Machine-written: every package stands in them by its name.
LOCKS = (
    r"uv\.lock|poetry\.lock|pdm\.lock|Pipfile\.lock|pixi\.lock|conda-lock\.ya?ml|pylock.*\.toml"
    r"|.*require[^/]*\.lock"
)


def locks(project: Project) -> list[str]:
    return project.named(LOCKS)


def is_locked(project: Project, file: str) -> bool:
    """A lock lies beside the file or above it, or the file is the one of a pair that was pinned."""
    folder = posixpath.dirname(file)
    if posixpath.basename(file).endswith(".in") and file[:-3] + ".txt" in project.file_set:
        return True
    if posixpath.basename(file) in ("setup.py", "setup.cfg", "pyproject.toml") and any(
        wish.pinned
        for wish in wishes(project)
        if posixpath.basename(wish.file) not in ("setup.py", "setup.cfg", "pyproject.toml")
    ):
        return True
    return any(
        posixpath.dirname(lock) in ("", folder) or folder.startswith(posixpath.dirname(lock) + "/")
        for lock in locks(project)
    )


def wishes(project: Project) -> list[Wish]:
    """Every package that a file says to install; locks are not among them."""
    kept = project.kept.get("wishes")
    if kept is None:
        kept = [*from_requirements(project), *from_documents(project), *from_set_up(project)]
        # Where no file lists anything, the README's line is all there is.
        kept += from_readme(project) if not kept and not locks(project) else []
        kept += from_commands(project)
        project.kept["wishes"] = kept
    return kept


def from_requirements(project: Project) -> typing.Iterator[Wish]:
    for path in project.named(REQUIREMENTS):
        for number, line in enumerate((project.text(path) or "").split("\n"), 1):
            bare = re.sub(r"(^|\s)#.*$", "", line).strip().rstrip("\\").strip()
            if not bare or bare.startswith("-"):
                continue
            made = wish(path, number, bare)
            if made is not None:
                yield made


def wish(file: str, line: int, written: str, cell: int | None = None) -> Wish | None:
    """One requirement of PEP 508, or an address."""
    written = re.sub(r"\s+--hash.*$", "", written)
    bare = written.split(";")[0].strip()
    developers = bool(FOR_DEVELOPERS.search(file))
    address = re.match(
        r"^([\w.-]+)?(?:\[[^\]]*\])?\s*@?\s*((?:git|hg|svn)\+\S+|https?://\S+|file:\S+)$", bare
    )
    if address:
        place = address[2]
        name = address[1] or re.sub(r"(\.git)?([@#].*)?$", "", place.rstrip("/")).rsplit("/", 1)[-1]
        egg = re.search(r"#egg=([\w.-]+)", place)
        fixed = not place.startswith(("git+", "hg+")) or bool(
            re.search(r"@[^/@]+(#.*)?$", place.split("://", 1)[-1])
        )
        return Wish(
            file,
            line,
            short(bare),
            egg[1] if egg else name.split("-")[0] if name.endswith(".whl") else name,
            fixed,
            cell,
            developers,
        )
    found = re.match(r"^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(.*)$", bare)
    if found is None or "/" in found[1] or found[1].endswith((".whl", ".gz")):
        return None
    pinned = bool(re.match(r"^(===?|@)\s*[^,*]+$", found[2])) or found[2].startswith("===")
    return Wish(file, line, short(bare), found[1], pinned, cell, developers)


def short(written: str) -> str:
    return written if len(written) <= 60 else written[:59] + "…"


def from_documents(project: Project) -> typing.Iterator[Wish]:
    for path, document in project.documents.items():
        if not isinstance(document, dict):
            continue
        name = posixpath.basename(path)
        if name.endswith((".yml", ".yaml")) and isinstance(document.get("dependencies"), list):
            yield from from_conda(project, path, document)
        elif name == "pyproject.toml":
            yield from from_pyproject(project, path, document)
        elif name == "Pipfile":
            for group in ("packages", "dev-packages"):
                yield from from_table(project, path, document.get(group), group != "packages")
        elif name == "pixi.toml":
            for group in ("dependencies", "pypi-dependencies"):
                yield from from_table(project, path, document.get(group), False)
        elif name == "experiment.yaml":
            environment = document.get("environment")
            install = environment.get("install") if isinstance(environment, dict) else None
            written = ["pip", "install", *(str(one) for one in install)] if isinstance(install, list) else []
            for one in pip_installs(written) or [] if written else []:
                made = wish(path, project.line_of(path, one), one)
                if made is not None:
                    yield made


def from_conda(project: Project, path: str, document: dict[str, typing.Any]) -> typing.Iterator[Wish]:
    found = document.get("dependencies")
    for one in found if isinstance(found, list) else []:
        if isinstance(one, str):
            bare = one.split("::")[-1].strip()
            name = re.split(r"[\s=<>!~\[]", bare)[0]
            rest = bare[len(name) :].strip()
            if name and name not in ("python", "pip"):
                yield Wish(
                    path, project.line_of(path, one), bare, name, bool(re.match(r"^==?\s*[\d.]+\d", rest))
                )
        elif isinstance(one, dict) and isinstance(one.get("pip"), list):
            for inner in one["pip"]:
                made = (
                    wish(path, project.line_of(path, str(inner)), str(inner))
                    if not str(inner).startswith("-")
                    else None
                )
                if made is not None:
                    yield made


def from_pyproject(project: Project, path: str, document: dict[str, typing.Any]) -> typing.Iterator[Wish]:
    about = document.get("project")
    about = about if isinstance(about, dict) else {}
    groups = [(about.get("dependencies"), False)]
    for key, table in (("optional-dependencies", about), ("dependency-groups", document)):
        extras = table.get(key)
        groups += (
            [(group, bool(FOR_DEVELOPERS.search(name))) for name, group in extras.items()]
            if isinstance(extras, dict)
            else []
        )
    for group, developers in groups:
        for one in group if isinstance(group, list) else []:
            made = wish(path, project.line_of(path, str(one)), str(one)) if isinstance(one, str) else None
            if made is not None:
                made.for_developers = made.for_developers or developers
                yield made
    tool = document.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    if isinstance(poetry, dict):
        yield from from_table(project, path, poetry.get("dependencies"), False)
        yield from from_table(project, path, poetry.get("dev-dependencies"), True)
        for name, group in (
            (poetry.get("group") or {}).items() if isinstance(poetry.get("group"), dict) else ()
        ):
            if isinstance(group, dict):
                yield from from_table(
                    project, path, group.get("dependencies"), bool(FOR_DEVELOPERS.search(name))
                )
    pixi = tool.get("pixi") if isinstance(tool, dict) else None
    if isinstance(pixi, dict):
        for key in ("dependencies", "pypi-dependencies"):
            yield from from_table(project, path, pixi.get(key), False)


def from_table(project: Project, path: str, table: typing.Any, developers: bool) -> typing.Iterator[Wish]:
    """Poetry's, Pipenv's and pixi's way: a name and its version."""
    for name, value in table.items() if isinstance(table, dict) else ():
        if name == "python":
            continue
        version = value.get("version") if isinstance(value, dict) else value
        pinned = isinstance(version, str) and bool(re.match(r"^(==?)?\s*\d[\w.]*$", version))
        other = isinstance(value, dict) and any(key in value for key in ("path", "rev", "tag", "url"))
        written = f"{name} = {version}" if isinstance(version, str) else str(name)
        yield Wish(
            path, project.line_of(path, str(name)), written, str(name), pinned or other, None, developers
        )


def from_set_up(project: Project) -> typing.Iterator[Wish]:
    for path, source in project.set_up.items():
        for call in source.calls:
            called = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if called != "setup":
                continue
            value = argument(call, "install_requires")
            values = source.assigned(value) if isinstance(value, ast.Name) else [value]
            extras = argument(call, "extras_require")
            for one in [*values, extras]:
                for node in ast.walk(one) if one is not None else ():
                    written = text(node)
                    made = wish(path, getattr(node, "lineno", 1), written) if written else None
                    if made is not None:
                        made.for_developers = made.for_developers or one is extras
                        yield made
    for path in project.named(r"setup\.cfg"):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(project.text(path) or "")
        except configparser.Error as error:
            project.skipped.append((path, f"it does not parse: {error}".split("\n")[0]))
            continue
        for line in parser.get("options", "install_requires", fallback="").split("\n"):
            made = wish(path, project.line_of(path, line.strip()), line.strip()) if line.strip() else None
            if made is not None:
                yield made


def from_commands(project: Project) -> typing.Iterator[Wish]:
    """`pip install` in Dockerfiles and in cells of notebooks. What a README says is read for names only."""
    for path in project.named(r"(.*\.)?Dockerfile(\..*)?"):
        for line, words in commands(enumerate((project.text(path) or "").split("\n"), 1)):
            for one in pip_installs(words) or []:
                made = wish(path, line, one)
                if made is not None:
                    yield made
    for path, cells in project.notebooks.items():
        for cell in cells:
            if cell.kind == "code":
                for line, words in commands(cell.shell):
                    for one in pip_installs(words) or []:
                        made = wish(path, line, one, cell.number)
                        if made is not None:
                            yield made


def from_readme(project: Project) -> typing.Iterator[Wish]:
    for path in project.named(r"readme(\..*)?"):
        for line, words in told_commands(project, path):
            for one in pip_installs(words) or []:
                made = wish(path, line, one)
                if made is not None:
                    yield made


def told_commands(project: Project, path: str) -> typing.Iterator[tuple[int, list[str]]]:
    """Commands of a page, with or without a prompt."""
    lines = enumerate((project.text(path) or "").split("\n"), 1)
    yield from commands((number, line.strip().lstrip("$>").strip("` ")) for number, line in lines)


def listed_names(project: Project) -> set[str]:
    """Every name that a specification, a lock, a script or a README gives."""
    names = {normal(wish.name) for wish in wishes(project)}
    for path in locks(project):
        found = project.text(path) or ""
        names.update(
            normal(one)
            for one in re.findall(r"^\s*(?:- )?\"?name\"?\s*[:=]\s*\"?([\w.-]+)", found, re.MULTILINE)
        )
        names.update(normal(one) for one in re.findall(r"^([A-Za-z0-9][\w.-]*)\s*==", found, re.MULTILINE))
        names.update(normal(one) for one in re.findall(r"^\s+\"([\w.-]+)\": \{", found, re.MULTILINE))
        names.update(
            normal(one) for one in re.findall(r"/([\w.-]+?)-\d[^/\s]*(?:\.conda|\.tar\.bz2|\.whl)", found)
        )
    for path in project.named(
        r"readme.*|install.*\.(md|rst|txt)|.*\.(sh|bash)|Makefile|\.(travis|gitlab-ci)\.yml|tox\.ini|postBuild"
    ):
        for _, words in told_commands(project, path):
            names.update(
                normal(made.name)
                for made in (wish(path, 1, one) for one in pip_installs(words) or [])
                if made
            )
            if words[0] in ("conda", "mamba", "micromamba") and "install" in words:
                names.update(
                    normal(re.split(r"[=<>]", one)[0]) for one in words[2:] if not one.startswith("-")
                )
    return names


def is_known_environment(project: Project) -> bool:
    """What an image brings is not read: there, an import that nothing lists may well be installed."""
    if any(image.name != "scratch" and not is_bare(image.name) for image in images(project)):
        return True
    for path in project.named(r"readme.*|install.*\.(md|rst|txt)|.*\.(sh|bash)"):
        for _, words in told_commands(project, path):
            if words[0].split("/")[-1] in ("docker", "podman", "nvidia-docker") and words[1:2] in (
                ["run"],
                ["pull"],
            ):
                return True
    return False


def is_bare(image: str) -> bool:
    """An image with Python and nothing else."""
    name = image.split("@")[0].rsplit("/", 1)[-1].split(":")[0]
    return name in (
        "python",
        "debian",
        "ubuntu",
        "alpine",
        "cuda",
        "centos",
        "fedora",
        "rockylinux",
        "uv",
        "buildpack-deps",
    )


def images(project: Project) -> typing.Iterator[Image]:
    for path in project.named(r"(.*\.)?Dockerfile(\..*)?"):
        stages: set[str] = set()
        for number, line in enumerate((project.text(path) or "").split("\n"), 1):
            found = re.match(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", line, re.IGNORECASE)
            if found is None:
                continue
            name = found[1]
            if name.lower() not in stages and "$" not in name:
                yield Image(path, number, name, moves(name))
            if found[2]:
                stages.add(found[2].lower())
    for path, document in project.documents.items():
        if not isinstance(document, dict):
            continue
        base = posixpath.basename(path)
        found_images: list[typing.Any] = []
        if base == "experiment.yaml" and isinstance(document.get("environment"), dict):
            found_images.append(document["environment"].get("image"))
        elif "compose" in base and isinstance(document.get("services"), dict):
            # One that is built here is named as its builder likes.
            found_images += [
                one.get("image")
                for one in document["services"].values()
                if isinstance(one, dict) and "build" not in one
            ]
        for image in found_images:
            if isinstance(image, str) and "$" not in image:
                yield Image(path, project.line_of(path, image), image, moves(image))


def moves(image: str) -> bool:
    if "@sha256:" in image or image == "scratch" or image.endswith((".sif", ".tar")):
        return False
    name, _, tag = image.rsplit("/", 1)[-1].partition(":")
    return tag in ("", "latest") and bool(name)


def torch_is_safe(project: Project) -> bool:
    """The pinned PyTorch loads weights only unless it is told otherwise, as from 2.6 on."""
    for path in [*project.named(REQUIREMENTS), *locks(project)]:
        for found in re.finditer(
            r"^\s*torch\s*(?:==|>=)\s*(\d+)\.(\d+)", project.text(path) or "", re.MULTILINE
        ):
            if (int(found[1]), int(found[2])) >= (2, 6):
                return True
    return False


#: Names on the package index of what is imported by another name.
DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "cv2": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv",
        "py-opencv",
        "libopencv",
    ),
    "sklearn": ("scikit-learn", "sklearn"),
    "skimage": ("scikit-image",),
    "PIL": ("pillow", "pil"),
    "yaml": ("pyyaml", "ruamel.yaml"),
    "bs4": ("beautifulsoup4", "bs4"),
    "dotenv": ("python-dotenv",),
    "dateutil": ("python-dateutil", "pandas"),
    "attr": ("attrs",),
    "attrs": ("attrs",),
    "Bio": ("biopython",),
    "rdkit": ("rdkit", "rdkit-pypi"),
    "umap": ("umap-learn",),
    "hdbscan": ("hdbscan",),
    "imblearn": ("imbalanced-learn",),
    "ignite": ("pytorch-ignite",),
    "pytorch_lightning": ("pytorch-lightning", "lightning"),
    "lightning": ("lightning", "pytorch-lightning"),
    "lightning_fabric": ("lightning", "lightning-fabric", "pytorch-lightning"),
    "google": ("protobuf", "google-cloud-storage", "google-auth", "google-api-python-client", "google"),
    "OpenSSL": ("pyopenssl",),
    "Crypto": ("pycryptodome", "pycrypto"),
    "serial": ("pyserial",),
    "usb": ("pyusb",),
    "git": ("gitpython",),
    "github": ("pygithub",),
    "jwt": ("pyjwt",),
    "MySQLdb": ("mysqlclient",),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "docx": ("python-docx",),
    "pptx": ("python-pptx",),
    "fitz": ("pymupdf",),
    "Levenshtein": ("python-levenshtein", "levenshtein"),
    "igraph": ("python-igraph", "igraph"),
    "community": ("python-louvain",),
    "gi": ("pygobject",),
    "wx": ("wxpython",),
    "zmq": ("pyzmq",),
    "mpl_toolkits": ("matplotlib",),
    "pylab": ("matplotlib",),
    "matplotlib": ("matplotlib", "seaborn"),
    "pkg_resources": ("setuptools",),
    "setuptools": ("setuptools",),
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss"),
    "tensorboardX": ("tensorboardx",),
    "tensorboard": ("tensorboard", "tensorflow", "tensorflow-gpu"),
    "tensorflow": ("tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tf-nightly", "tensorflow-macos"),
    "keras": ("keras", "tensorflow", "tensorflow-gpu"),
    "tensorflow_datasets": ("tensorflow-datasets",),
    "tensorflow_hub": ("tensorflow-hub",),
    "torch": ("torch", "pytorch", "torchvision", "pytorch-cuda"),
    "torchvision": ("torchvision",),
    "numpy": ("numpy", "scipy", "pandas", "matplotlib", "scikit-learn"),
    "clip": ("clip", "openai-clip"),
    "open_clip": ("open-clip-torch",),
    "segment_anything": ("segment-anything",),
    "detectron2": ("detectron2",),
    "mmcv": ("mmcv", "mmcv-full"),
    "mmdet": ("mmdet",),
    "mmengine": ("mmengine",),
    "IPython": ("ipython", "jupyter", "jupyterlab", "notebook", "ipykernel", "ipywidgets"),
    "ipykernel": ("ipykernel", "jupyter"),
    "ipywidgets": ("ipywidgets", "jupyter"),
    "nbformat": ("nbformat", "jupyter"),
    "notebook": ("notebook", "jupyter"),
    "gym": ("gym", "gymnasium"),
    "stable_baselines3": ("stable-baselines3",),
    "sentence_transformers": ("sentence-transformers",),
    "huggingface_hub": ("huggingface-hub", "transformers", "datasets"),
    "tokenizers": ("tokenizers", "transformers"),
    "safetensors": ("safetensors", "transformers"),
    "datasets": ("datasets",),
    "six": ("six", "python-dateutil"),
    "pytz": ("pytz", "pandas"),
    "tqdm": ("tqdm",),
    "OpenGL": ("pyopengl",),
    "absl": ("absl-py",),
    "apex": ("apex", "nvidia-apex"),
    "typing_extensions": ("typing-extensions", "torch"),
    "omegaconf": ("omegaconf", "hydra-core"),
    "hydra": ("hydra-core",),
    "cupy": ("cupy", "cupy-cuda11x", "cupy-cuda12x"),
    "pycocotools": ("pycocotools",),
    "sacred": ("sacred",),
    "osgeo": ("gdal",),
    "netCDF4": ("netcdf4",),
    "h5py": ("h5py",),
    "tables": ("tables", "pytables"),
    "Cython": ("cython",),
    "ray": ("ray",),
    "jax": ("jax",),
    "jaxlib": ("jaxlib", "jax"),
    "flax": ("flax",),
    "pandas": ("pandas", "seaborn"),
    "requests": ("requests",),
    "scipy": ("scipy", "scikit-learn"),
}


def distribution_names(module: str) -> tuple[str, ...]:
    first = module.split(".")[0]
    return (*DISTRIBUTIONS.get(first, ()), first)


def normal(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


assert sys.version_info >= (3, 8)
