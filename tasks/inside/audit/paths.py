"""Files that code names in its text: what it reads, and what it writes."""

from __future__ import annotations

import ast
import typing

from audit.source import Source, argument, last, text

#: Position and name of the path, by the full name of what reads it.
READERS: dict[str, tuple[int, str]] = {
    **{
        f"pandas.read_{kind}": (0, "filepath_or_buffer")
        for kind in [
            "csv",
            "table",
            "excel",
            "json",
            "parquet",
            "feather",
            "pickle",
            "hdf",
            "fwf",
            "stata",
            "sas",
            "orc",
            "xml",
        ]
    },
    "numpy.load": (0, "file"),
    "numpy.loadtxt": (0, "fname"),
    "numpy.genfromtxt": (0, "fname"),
    "torch.load": (0, "f"),
    "joblib.load": (0, "filename"),
    "PIL.Image.open": (0, "fp"),
    "cv2.imread": (0, "filename"),
    "imageio.imread": (0, "uri"),
    "matplotlib.pyplot.imread": (0, "fname"),
    "scipy.io.loadmat": (0, "file_name"),
    "safetensors.torch.load_file": (0, "filename"),
    "polars.read_csv": (0, "source"),
    "librosa.load": (0, "path"),
}

WRITERS: dict[str, tuple[int, str]] = {
    "numpy.save": (0, "file"),
    "numpy.savez": (0, "file"),
    "numpy.savez_compressed": (0, "file"),
    "numpy.savetxt": (0, "fname"),
    "torch.save": (1, "f"),
    "joblib.dump": (1, "filename"),
    "matplotlib.pyplot.savefig": (0, "fname"),
    "matplotlib.pyplot.imsave": (0, "fname"),
    "cv2.imwrite": (0, "filename"),
    "imageio.imwrite": (0, "uri"),
    "scipy.io.savemat": (0, "file_name"),
    "safetensors.torch.save_file": (1, "filename"),
}

#: Methods whose first argument is the file that is written.
WRITING = frozenset(
    [
        "to_csv",
        "to_json",
        "to_excel",
        "to_parquet",
        "to_pickle",
        "to_feather",
        "to_hdf",
        "to_latex",
        "to_markdown",
        "to_html",
        "savefig",
        "save",
        "save_weights",
        "save_pretrained",
        "write_csv",
        "write_parquet",
        "write_html",
        "write_image",
    ]
)

OPENERS = ("builtins.open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open")


def mode_of(source: Source, call: ast.Call) -> str | None:
    """How a file is opened; None for another call, or if the text does not say."""
    if source.called(call) not in OPENERS:
        return None
    mode = argument(call, "mode", 1)
    return "r" if mode is None else text(mode)


def read(source: Source, call: ast.Call) -> ast.expr | None:
    """The path that a call reads."""
    if mode_of(source, call) is not None:
        mode = mode_of(source, call) or ""
        return argument(call, "file", 0) if mode.startswith("r") and "+" not in mode else None
    found = READERS.get(source.called(call) or "")
    if found is None:
        return None
    return argument(call, found[1], found[0])


def written(source: Source, call: ast.Call) -> ast.expr | None:
    """The path that a call writes."""
    mode = mode_of(source, call)
    if mode is not None:
        return argument(call, "file", 0) if mode[:1] in ("w", "a", "x") or "+" in mode else None
    name = source.called(call)
    if name in WRITERS:
        position, keyword = WRITERS[name]
        return argument(call, keyword, position)
    if name is None and isinstance(call.func, ast.Attribute):
        if call.func.attr in WRITING and call.args:
            return call.args[0]
        if call.func.attr in ("write_text", "write_bytes"):
            return call.func.value
    return None


def path_text(source: Source, node: ast.AST | None, depth: int = 0) -> str | None:
    """A path that the text gives in full: a literal, literals that are joined, or a variable that is one."""
    if node is None or depth > 4:
        return None
    literal = text(node)
    if literal is not None:
        return literal
    if isinstance(node, ast.Call):
        name = source.called(node)
        if name in ("os.path.join", "pathlib.Path", "pathlib.PurePath", "builtins.str") and not node.keywords:
            return joined(source, node.args, depth)
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return joined(source, [node.left, node.right], depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = path_text(source, node.left, depth + 1), path_text(source, node.right, depth + 1)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        values = source.assigned(node)
        return path_text(source, values[0], depth + 1) if len(values) == 1 else None
    return None


def joined(source: Source, parts: typing.Sequence[ast.AST], depth: int) -> str | None:
    texts = [path_text(source, part, depth + 1) for part in parts]
    if not texts or any(one is None for one in texts):
        return None
    return "/".join(one.rstrip("/") for one in texts if one) or None


def is_guarded(source: Source, node: ast.AST) -> bool:
    """The code asks whether the file is there, or goes on without it."""
    for parent in source.parents(node):
        if isinstance(parent, ast.Try):
            return True
        if isinstance(parent, (ast.If, ast.IfExp)) and any(
            last(getattr(part, "attr", getattr(part, "id", "")))
            in ("exists", "isfile", "is_file", "isdir", "is_dir")
            for part in ast.walk(parent.test)
        ):
            return True
    return False
