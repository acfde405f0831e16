"""R801: somebody has to be there and type."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source

ASKS = frozenset(
    [
        "builtins.input",
        "builtins.breakpoint",
        "getpass.getpass",
        "pdb.set_trace",
        "ipdb.set_trace",
        "code.interact",
        "curses.wrapper",
        "click.prompt",
        "click.confirm",
        "typer.prompt",
        "typer.confirm",
        "cv2.waitKey",
        "cv2.imshow",
        "matplotlib.pyplot.ginput",
        "huggingface_hub.notebook_login",
        "google.colab.drive.mount",
        "google.colab.files.upload",
        "IPython.embed",
    ]
)


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for call in source.calls:
            name = source.called(call)
            if name in ASKS and not is_guarded(source, call):
                yield source.at(
                    call,
                    f"{(name or '').replace('builtins.', '')}() wants somebody at a terminal or a screen",
                )


def is_guarded(source: Source, call: ast.Call) -> bool:
    for node in source.parents(call):
        if isinstance(node, ast.Try):
            return True
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            return True
    return False


RULE = Rule(
    id="R801",
    title="A terminal is wanted",
    severity="warning",
    reason="In a container, in a batch job and in CI nobody types: the run stops there, or fails.",
    remedy="Take an argument with a default instead",
    check=check,
    firing={"train.py": "epochs = int(input('Epochs? '))\n"},
    silent={"train.py": "import sys\n\nepochs = int(sys.argv[1])\n"},
)
