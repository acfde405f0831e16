"""R403: a model or data set by a name whose content changes."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, argument, constant, has_more, text

FUNCTIONS: dict[str, tuple[int, str]] = {
    "datasets.load_dataset": (0, "path"),
    "huggingface_hub.hf_hub_download": (0, "repo_id"),
    "huggingface_hub.snapshot_download": (0, "repo_id"),
    "sentence_transformers.SentenceTransformer": (0, "model_name_or_path"),
    "transformers.pipeline": (1, "model"),
}

FILES = ("csv", "json", "parquet", "text", "imagefolder", "audiofolder", "arrow", "webdataset", "pandas")


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for call in source.calls:
            name = named(source, call)
            if name is not None and not is_local(project, name):
                yield source.at(call, f'"{name}" is whatever its authors put there last')


def named(source: Source, call: ast.Call) -> str | None:
    """The name that is fetched without a revision."""
    if (
        has_more(call)
        or constant(argument(call, "revision")) not in (..., None)
        or is_variable(argument(call, "revision"))
    ):
        return None
    full = source.called(call)
    if full in FUNCTIONS:
        position, keyword = FUNCTIONS[full]
        name = text(argument(call, keyword, position))
        return None if full == "datasets.load_dataset" and name in FILES else name
    if full == "torch.hub.load":
        name = text(argument(call, "repo_or_dir", 0))
        return None if name is None or ":" in name or text(argument(call, "source")) == "local" else name
    known = full is not None and full.split(".")[0] in ("transformers", "diffusers", "timm", "peft")
    if known and full is not None and full.endswith(".from_pretrained"):
        return text(argument(call, "pretrained_model_name_or_path", 0))
    return None


def is_variable(node: ast.AST | None) -> bool:
    return node is not None and not isinstance(node, ast.Constant)


def is_local(project: Project, name: str) -> bool:
    return name.startswith((".", "/", "~")) or any(
        path == name or path.startswith(name.rstrip("/") + "/") for path in project.files
    )


RULE = Rule(
    id="R403",
    title="A model or data set without a revision",
    severity="warning",
    reason="The name stays and the content changes: weights, tokenizers and data sets are corrected and "
    "replaced.",
    remedy="Give revision= with the commit that was used (for torch.hub: owner/name:tag)",
    check=check,
    firing={
        "model.py": "from transformers import AutoModel\n\nmodel = "
        "AutoModel.from_pretrained('bert-base-uncased')\n"
    },
    silent={
        "model.py": "from transformers import AutoModel\n\n"
        "model = AutoModel.from_pretrained('bert-base-uncased', "
        "revision='86b5e0934494bd15c9632b12f734a8a67f723594')\n"
    },
)
