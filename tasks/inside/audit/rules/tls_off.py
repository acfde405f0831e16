"""R404: connections to whoever answers."""

from __future__ import annotations

import ast
import typing

from audit.project import Project
from audit.rule import Found, Rule
from audit.shell import commands, started
from audit.source import Source, argument, constant, last, text

UNCHECKED = ("ssl._create_unverified_context", "ssl._create_stdlib_context")
CONTEXT = "ssl._create_default_https_context"


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        for node in source.all(ast.Assign):
            if any(source.name_of(target) == CONTEXT for target in node.targets):
                if source.name_of(node.value) in UNCHECKED or isinstance(node.value, ast.Lambda):
                    yield source.at(node, "TLS verification is switched off for the whole process")
            elif (
                source.name_of(node.value) == "ssl.CERT_NONE"
                and any(
                    isinstance(target, ast.Attribute) and target.attr == "verify_mode"
                    for target in node.targets
                )
                or any(names_verification(source, target, node.value) for target in node.targets)
            ):
                yield source.at(node, "TLS verification is switched off")
        for call, words in started(source):
            if switches_off(words):
                yield source.at(call, f"{words[0]} checks no certificate")
        for call in source.calls:
            name = source.called(call)
            library = (name or "").split(".")[0] in ("requests", "httpx")
            session = name is None and last(getattr(call.func, "attr", "")) in ("get", "post", "request")
            if (library or session) and constant(argument(call, "verify")) is False:
                yield source.at(call, "TLS verification is switched off for this request")
            elif name in UNCHECKED:
                yield source.at(call, "A context without TLS verification")
            elif name == "gdown.download" and constant(argument(call, "verify")) is False:
                yield source.at(call, "TLS verification is switched off for this download")
    for path, cells in project.notebooks.items():
        for cell in cells:
            if cell.kind == "code":
                for line, words in commands(cell.shell):
                    if switches_off(words):
                        yield Found(path, line, f"{words[0]} checks no certificate", cell.number)
    for path in project.named(r".*\.(sh|bash)|(.*\.)?Dockerfile(\..*)?|Makefile"):
        for line, words in commands(enumerate((project.text(path) or "").split("\n"), 1)):
            if switches_off(words):
                yield Found(path, line, f"{words[0]} checks no certificate")


#: Variables that switch it off, by their values.
VARIABLES = {
    "PYTHONHTTPSVERIFY": "0",
    "CURL_CA_BUNDLE": "",
    "REQUESTS_CA_BUNDLE": "",
    "GIT_SSL_NO_VERIFY": "1",
}


def names_verification(source: Source, target: ast.AST, value: ast.AST) -> bool:
    """`session.verify = False`, or one of the variables."""
    if isinstance(target, ast.Attribute) and target.attr == "verify":
        return constant(value) is False and any(module == "requests" for _, module in source.imports())
    if isinstance(target, ast.Subscript) and source.name_of(target.value) == "os.environ":
        key = target.slice.value if type(target.slice).__name__ == "Index" else target.slice  # type: ignore[attr-defined]
        name = text(key)
        return name in VARIABLES and text(value) == VARIABLES[name]
    return False


def switches_off(words: list[str]) -> bool:
    if words[0] == "wget":
        return "--no-check-certificate" in words
    if words[0] == "curl":
        short = (word for word in words[1:] if word.startswith("-") and not word.startswith("--"))
        return "--insecure" in words or any("k" in word and word.strip("-").isalpha() for word in short)
    if words[0] == "git":
        return any(word.lower().startswith("http.sslverify=false") for word in words)
    return False


RULE = Rule(
    id="R404",
    title="TLS verification is switched off",
    severity="error",
    reason="Anyone on the way can give other data, or code, under the name of what was asked for.",
    remedy="Take it away, and declare the data with its sha256 in experiment.yaml's data: a hash holds "
    "on any connection. "
    "Behind a proxy of your institution, name its certificates in SSL_CERT_FILE",
    check=check,
    firing={"data.py": "import ssl\n\nssl._create_default_https_context = ssl._create_unverified_context\n"},
    silent={"data.py": "import ssl\n\ncontext = ssl.create_default_context()\n"},
)
