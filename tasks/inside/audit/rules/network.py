"""R401: something is fetched, and nobody looks whether it is what the authors had."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.shell import commands, started
from audit.source import argument, constant

FETCHES: dict[str, tuple[str, ...]] = {
    "urllib.request.urlretrieve": (),
    "urllib.request.urlopen": (),
    "urllib.urlretrieve": (),
    "requests.get": (),
    "httpx.get": (),
    "wget.download": (),
    "gdown.download": (),
    "gdown.download_folder": (),
    "torch.hub.download_url_to_file": ("hash_prefix",),
    "torch.hub.load_state_dict_from_url": ("check_hash",),
    "torchvision.datasets.utils.download_url": ("md5",),
    "torchvision.datasets.utils.download_and_extract_archive": ("md5",),
    "tensorflow.keras.utils.get_file": ("file_hash", "md5_hash"),
    "keras.utils.get_file": ("file_hash", "md5_hash"),
}

CHECKS = ("sha256sum", "md5sum", "sha1sum", "sha512sum", "shasum")


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        hashes = any(module.split(".")[0] == "hashlib" for _, module in source.imports())
        for call in source.calls:
            name = source.called(call)
            if name in FETCHES and not hashes and not any(is_given(call, one) for one in FETCHES[name]):
                yield source.at(call, f"{name}() fetches, and nothing checks what came")
        for call, words in started(source):
            if is_fetch(words) and not hashes:
                yield source.at(call, f"{words[0]} fetches, and nothing checks what came")
    for path, cells in project.notebooks.items():
        for cell in cells:
            if (
                cell.kind == "code"
                and path in project.sources
                and not any(one in cell.text for one in CHECKS)
            ):
                for line, words in commands(cell.shell):
                    if is_fetch(words):
                        yield Found(
                            path, line, f"{words[0]} fetches, and nothing checks what came", cell.number
                        )
    for path in project.named(r".*\.(sh|bash)"):
        text = project.text(path) or ""
        if not any(one in text for one in CHECKS):
            for line, words in commands(enumerate(text.split("\n"), 1)):
                if is_fetch(words):
                    yield Found(path, line, f"{words[0]} fetches, and nothing checks what came")


def is_given(call: ast.Call, name: str) -> bool:
    value = argument(call, name)
    return value is not None and constant(value) not in (None, False)


def is_fetch(words: list[str]) -> bool:
    return words[0] in ("wget", "curl", "gdown") and any(
        word.startswith(("http://", "https://", "ftp://")) or words[0] == "gdown" for word in words[1:]
    )


RULE = Rule(
    id="R401",
    title="Something is fetched unchecked",
    severity="warning",
    reason="What an address gives today may be another file tomorrow, or gone; then the numbers change "
    "and nobody knows why.",
    remedy="Declare it in experiment.yaml's data with its sha256; deno task data fetches and checks it",
    check=check,
    firing={
        "fetch.py": "import urllib.request\n\nurllib.request.urlretrieve('https://example.org/a.zip', "
        "'a.zip')\n"
    },
    silent={
        "fetch.py": "import hashlib\nimport urllib.request\n\n"
        "data = urllib.request.urlopen('https://example.org/a.zip').read()\n"
        "assert hashlib.sha256(data).hexdigest() == 'e3b0c442'\n"
    },
)
