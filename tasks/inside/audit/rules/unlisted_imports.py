"""R502: imports of what no file says to install."""

from __future__ import annotations

import ast
import typing

from audit.packages import STANDARD, distribution_names, is_known_environment, listed_names, normal
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source


def check(project: Project) -> typing.Iterator[Found]:
    if is_known_environment(project):
        return
    listed = listed_names(project)
    if not listed and project.is_part:
        return
    told = set()
    for source in project.sources.values():
        for node, module in source.imports():
            name = module.split(".")[0]
            # Colab's own modules are in no package.
            if module.startswith("google.colab"):
                continue
            if not name or name in STANDARD or name in told or project.is_own(name):
                continue
            if any(normal(one) in listed for one in distribution_names(module)) or is_optional(source, node):
                continue
            told.add(name)
            what = "no file lists any package" if not listed else "no file lists it"
            yield source.at(node, f"{name} is imported, and {what}")


def is_optional(source: Source, node: ast.AST) -> bool:
    """In a try, below a condition, or only for the checker of types."""
    return any(isinstance(parent, (ast.Try, ast.If)) for parent in source.parents(node))


RULE = Rule(
    id="R502",
    title="Imports that nothing lists",
    severity="warning",
    reason="Whoever installs what the repository lists cannot start it; or another package brings it, "
    "in a version that nobody chose.",
    remedy="Add it with its version to requirements.txt, environment.yml or pyproject.toml",
    check=check,
    firing={"requirements.txt": "numpy==2.3.1\n", "train.py": "import numpy\nimport sklearn\n"},
    silent={
        "requirements.txt": "numpy==2.3.1\nscikit-learn==1.7.2\n",
        "train.py": "import numpy\nimport sklearn\n",
    },
)
