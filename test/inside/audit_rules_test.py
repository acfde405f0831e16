"""The rules of the audit, each by the examples that its page shows, and where they must be silent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from audit.findings import audit
from audit.rule import Example
from audit.rules import RULES
from notebook_driver import INSIDE

IDS = [rule.id for rule in RULES]


def written(folder: Path, files: Example) -> list[str]:
    """Files of an example on the disk."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            place.write_bytes(content.encode("latin-1" if "latin-1" in content else "utf-8"))
        else:
            place.write_text(json.dumps({"cells": [cell(one) for one in content], "metadata": {}}))
    return sorted(files)


def cell(one: dict) -> dict:
    if "markdown" in one:
        return {"cell_type": "markdown", "source": one["markdown"]}
    outputs = []
    if "prints" in one:
        outputs.append({"output_type": "stream", "name": "stdout", "text": one["prints"]})
    if "error" in one:
        outputs.append({"output_type": "error", "ename": one["error"], "evalue": "", "traceback": []})
    return {
        "cell_type": "code",
        "source": one["code"],
        "execution_count": one.get("count"),
        "outputs": outputs,
    }


def documents(files: Example) -> dict:
    """What TypeScript reads and hands over; these few examples need no more than JSON's part of YAML."""
    made = {}
    for path, content in files.items():
        if path.endswith(".dvc"):
            lines = re.findall(r"(\w+): (\S+)", content)
            made[path] = {"outs": [dict(lines)]}
        elif path.endswith((".yaml", ".yml", ".toml")):
            made[path] = json.loads(content)
    return made


def found(folder: Path, files: Example) -> list[tuple]:
    """Rule, file and line of each finding, with the cell of a notebook."""
    result = audit(RULES, str(folder), written(folder, files), None, documents(files))
    return [(one["rule"], one["file"], one.get("cell"), one["line"]) for one in result["findings"]]


def rules_of(folder: Path, files: Example) -> set[str]:
    return {one[0] for one in found(folder, files)}


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_rule_fires_on_one_example_and_is_silent_on_the_other(tmp_path: Path, rule) -> None:
    assert rule.firing and rule.silent
    assert rule.id in rules_of(tmp_path / "firing", rule.firing)
    assert rule.id not in rules_of(tmp_path / "silent", rule.silent)


def test_ids_are_in_order_and_each_is_one_rules_own() -> None:
    assert sorted(set(IDS)) == IDS
    for rule in RULES:
        assert re.fullmatch(r"R\d{3}", rule.id)
        assert rule.severity in ("error", "warning", "note")
        assert rule.page == f"docs/audit.md#{rule.id.lower()}"
        assert rule.reason[-1] == "." and rule.remedy


def test_every_file_of_rules_is_in_the_list() -> None:
    files = {path.stem for path in (INSIDE / "audit/rules").glob("*.py")} - {"__init__"}
    assert len(files) == len(RULES)


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        (
            "what a program loads is seeded by the program",
            {
                "requirements.txt": "torch==2.9.1\n",
                "train.py": "import torch\nimport model\n\ntorch.manual_seed(1)\nmodel.make()\n",
                "model.py": "import torch\n\n\ndef make():\n    return torch.rand(3)\n",
            },
            [],
        ),
        (
            "one of two programs seeds it",
            {
                "requirements.txt": "torch==2.9.1\n",
                "train.py": "import torch\nimport model\n\ntorch.manual_seed(1)\nmodel.make()\n",
                "infer.py": "import model\n\nmodel.make()\n",
                "model.py": "import torch\n\n\ndef make():\n    return torch.rand(3)\n",
            },
            [("R103", "model.py", None, 5)],
        ),
        (
            "a function that seeds and is never called",
            {
                "train.py": "import random\n\n\ndef set_all(n):\n    "
                "random.seed(n)\n\n\nprint(random.random())\n"
            },
            [("R101", "train.py", None, 8)],
        ),
        (
            "a function that seeds and is called in another file",
            {
                "train.py": "import random\n\nfrom tools.seeds import "
                "set_all\n\nset_all(3)\nprint(random.random())\n",
                "tools/seeds.py": "import random\n\n\ndef set_all(n):\n    random.seed(n)\n",
            },
            [],
        ),
        (
            "somebody else's function of that name",
            {
                "train.py": "import random\n\nfrom helper import "
                "seed_everything\n\nseed_everything(3)\nrandom.random()\n"
            },
            [("R502", "train.py", None, 3)],
        ),
        (
            "seed() without a number",
            {"train.py": "import random\n\nrandom.seed()\nprint(random.random())\n"},
            [("R101", "train.py", None, 4)],
        ),
        (
            "a parameter that has the module's name",
            {
                "train.py": "import random\n\n\ndef draw(random):\n    return "
                "random.random()\n\n\ndraw(random.Random(3))\n"
            },
            [],
        ),
        (
            "a library that nobody starts",
            {"tools.py": "import random\n\n\ndef draw():\n    return random.random()\n"},
            [],
        ),
        (
            "a model that is loaded and not trained",
            {
                "requirements.txt": "torch==2.9.1\nsafetensors==0.6.2\n",
                "infer.py": "import torch\nfrom safetensors.torch import load_model\n\n"
                "model = torch.nn.Linear(4, 2)\nload_model(model, 'model.safetensors')\nprint(model)\n",
            },
            [],
        ),
        (
            "an alias, at any depth",
            {
                "requirements.txt": "numpy==2.3.1\n",
                "a.py": "def main():\n    from numpy import random as r\n    print(r.normal())\n\n\nmain()\n",
            },
            [("R102", "a.py", None, 3)],
        ),
        (
            "tests draw as they like",
            {"tests/test_a.py": "import random\n\nprint(random.random())\n"},
            [],
        ),
        (
            "a listing that is sorted later, counted, or of one",
            {
                "a.py": "import os\nfrom pathlib import Path\n\nfiles = "
                "os.listdir('a')\nfiles.sort()\nprint(files)\n"
                "print(len(os.listdir('b')))\n(one,) = Path('c').glob('*.pt')\n"
                "names = [name for name in os.listdir('d')]\nprint(sorted(names))\n"
                "for name in os.listdir('e'):\n    os.remove(name)\n"
                "with os.scandir('f') as entries:\n    print(sorted(entry.name for entry in entries))\n"
            },
            [],
        ),
        (
            "a listing whose order is kept",
            {
                "a.py": "import os\n\nfiles = []\nfor name in os.listdir('a'):\n    "
                "files.append(name)\nprint(files[0])\n"
            },
            [("R303", "a.py", None, 4)],
        ),
        (
            "a set of numbers, and one that is asked for members",
            {
                "a.py": "numbers = list(set(range(9)))\nknown = set(['a'])\nprint('a' in known, numbers, "
                "len(known))\n"
            },
            [],
        ),
        (
            "variables that are each other's values",
            {"a.py": "a = b = 1\na = b\nb = a\nprint(list(a), open(a), open(b, 'w'))\na.save(b)\n"},
            [],
        ),
        (
            "experiment.yaml fixes the order of sets",
            {"experiment.yaml": '{"name": "a"}', "a.py": "print(list(set(['a', 'b'])))\n"},
            [],
        ),
        (
            "a comment with its reason silences its line, and the next one where it stands alone",
            {
                "a.py": "import os\n\nprint(os.listdir('a')[0])  # audit: ignore R303 one file\n"
                "# audit: ignore R303, R601 one file\nprint(os.listdir('/home/a/b')[0])\n"
            },
            [],
        ),
        (
            "a comment at the end of a statement of several lines, and not one in a loop",
            {
                "a.py": "import os\n\nprint(\n    os.listdir('a')[0],\n)  # audit: ignore R303 one file\n"
                "# audit: ignore R303 one file\nprint(\n    os.listdir('b')[0],\n)\n"
                "names = []\n"
                "for name in os.listdir('c'):\n    names.append(name)  # audit: ignore R303 one file\n"
                "print(names[0])\n"
            },
            [("R303", "a.py", None, 11)],
        ),
        (
            "a comment without a reason, with another id, or in a string",
            {
                "a.py": "import os\n\nprint(os.listdir('a')[0])  # audit: ignore R303\n"
                "print(os.listdir('a')[0])  # audit: ignore R101 one file\n"
                "print(os.listdir('a')[0], '# audit: ignore R303 one file')\n"
            },
            [
                ("R001", "a.py", None, 3),
                ("R303", "a.py", None, 3),
                ("R303", "a.py", None, 4),
                ("R303", "a.py", None, 5),
            ],
        ),
        (
            "a place in a notebook is a cell and a line in it",
            {
                "a.ipynb": [
                    {"markdown": "# A"},
                    {"code": "%matplotlib inline\nimport random\nrandom.random()", "count": 1},
                ]
            },
            [("R101", "a.ipynb", 2, 3)],
        ),
        (
            "shell lines of a notebook",
            {
                "a.ipynb": [
                    {
                        "code": "!pip install numpy\n!wget --no-check-certificate https://example.org/a",
                        "count": 1,
                    },
                    {"code": "%%bash\ncurl -ks https://example.org/b", "count": 2},
                ]
            },
            [
                ("R501", "a.ipynb", 1, 1),
                ("R401", "a.ipynb", 1, 2),
                ("R404", "a.ipynb", 1, 2),
                ("R401", "a.ipynb", 2, 2),
                ("R404", "a.ipynb", 2, 2),
            ],
        ),
        (
            "locks, markers, addresses and pairs",
            {
                "requirements.in": "numpy\n",
                "requirements.txt": "numpy==2.3.1 ; python_version > '3.8'\na @ git+https://example.org/a@0f3c1d\n"
                "-e .\n--index-url https://example.org\n# b\nhttps://example.org/c-1.0-py3-none-any.whl\n",
                "requirements-dev.txt": "pytest\n",
            },
            [],
        ),
        (
            "a git address without a commit",
            {"requirements.txt": "git+https://example.org/a.git\n"},
            [("R501", "requirements.txt", None, 1)],
        ),
        (
            "what a README installs is listed, and of any version",
            {"README.md": "```\n$ pip install numpy torch\n```\n", "a.py": "import numpy\nimport torch\n"},
            [("R501", "README.md", None, 2)],
        ),
        (
            "a pointer without .gitattributes",
            {
                "w/a.pt": "version https://git-lfs.github.com/spec/v1\noid sha256:e3b0c442\nsize 12\n",
                "b.pt": "x",
            },
            [("R602", "w/a.pt", None, 1)],
        ),
        (
            "what an image brings is not known",
            {"Dockerfile": "FROM pytorch/pytorch:2.9.1-cuda12.8-cudnn9-runtime\n", "a.py": "import torch\n"},
            [],
        ),
        (
            "imports that may fail, and the repository's own",
            {
                "requirements.txt": "numpy==2.3.1\n",
                "a.py": "import tomllib\nimport tools.b\nfrom . import c\ntry:\n    import apex\nexcept "
                "ImportError:\n"
                "    apex = None\n",
                "tools/b.py": "",
                "c.py": "",
            },
            [],
        ),
        (
            "stages of a Dockerfile",
            {"Dockerfile": "FROM python:3.11 AS build\nFROM build\nFROM scratch\nFROM ubuntu\n"},
            [("R503", "Dockerfile", None, 4)],
        ),
        (
            "a file that is there, is made, is asked for, or comes with a step",
            {
                "experiment.yaml": '{"data": {"c": {"to": "data/c.csv", "sha256": "0"}}}',
                "requirements.txt": "pandas==2.3.1\n",
                "src/a.py": "import os\nimport pandas as "
                "pd\n\npd.read_csv('data/a.csv')\npd.read_csv('../data/a.csv')\n"
                "pd.read_csv('made.csv')\npd.read_csv('data/c.csv')\n"
                "pd.DataFrame().to_csv(os.path.join('x', 'made.csv'))\n"
                "if os.path.exists('d.csv'):\n    pd.read_csv('d.csv')\npd.read_csv(os.path.join('x', "
                "'gone.csv'))\n",
                "data/a.csv": "1\n",
            },
            [("R604", "src/a.py", None, 11)],
        ),
        (
            "stages of DVC, with foreach, matrix and wdir",
            {
                "dvc.lock": "",
                "dvc.yaml": json.dumps(
                    {
                        "stages": {
                            "a": {"foreach": ["x"], "do": {"cmd": "a", "outs": ["out/${item}.csv"]}},
                            "b": {"cmd": "b", "deps": ["out/x.csv", "raw/p.csv", "w/c.csv", "gone.csv"]},
                            "c": {"cmd": "c", "wdir": "w", "outs": [{"c.csv": {"cache": False}}]},
                            "d": {"matrix": {"m": [1]}, "cmd": "d", "deps": ["${item.m}.csv"]},
                        }
                    }
                ),
                "raw.dvc": "md5: 9e107d9d path: raw",
            },
            [("R604", "dvc.yaml", None, 1)],
        ),
        (
            "files that a cell writes, and modules among them",
            {
                "requirements.txt": "numpy==2.3.1\n",
                "a.ipynb": [
                    {"code": "%%writefile tool.py\nx = 1", "count": 1},
                    {"code": "import tool\nprint(open('tool.py').read())", "count": 2},
                ],
            },
            [],
        ),
        (
            "a state is no model, and a model on the CPU is one",
            {
                "requirements.txt": "torch==2.9.1\n",
                "a.py": "import torch\n\n\ndef save(model, model_state_dict, net):\n"
                "    torch.save(model_state_dict, 'a')\n    torch.save({'model': model}, 'b')\n"
                "    torch.save(model.state_dict(), 'c')\n    torch.save(net.module.to('cpu'), 'd')\n",
            },
            [("R405", "a.py", None, 8)],
        ),
        (
            "pip's own options are no packages",
            {
                "a.ipynb": [
                    {
                        "code": "%pip install -qr a.txt --index-url https://a.org b==2.3.1",
                        "count": 1,
                    }
                ]
            },
            [],
        ),
        (
            "conda's files by what they hold",
            {
                "workflow/envs/plots.yaml": '{"channels": [], "dependencies": ["numpy =2.3", "pip"]}',
                "a.py": "import numpy\n",
            },
            [],
        ),
        (
            "what a README starts a container of",
            {"README.md": "    docker run -it example/torch:1.0\n", "a.py": "import torch\n"},
            [],
        ),
        (
            "programs that Python starts, and ways to switch TLS off",
            {
                "requirements.txt": "requests==2.32.5\n",
                "a.py": "import os\nimport subprocess\nimport requests\n\n"
                "os.system('wget --no-check-certificate https://example.org/a')\n"
                "subprocess.run(['curl', '-k', 'https://example.org/a'], check=True)\n"
                "session = requests.Session()\nsession.verify = False\n"
                "os.environ['CURL_CA_BUNDLE'] = ''\nsubprocess.run(['ls'], check=True)\n",
            },
            [
                ("R401", "a.py", None, 5),
                ("R404", "a.py", None, 5),
                ("R401", "a.py", None, 6),
                ("R404", "a.py", None, 6),
                ("R404", "a.py", None, 8),
                ("R404", "a.py", None, 9),
            ],
        ),
        (
            "somebody's home in a script",
            {"a.sh": "#!/bin/bash\n# /home/anna/b\npython a.py --data /home/anna/c \\\n  --out $HOME/d\n"},
            [("R601", "a.sh", None, 3)],
        ),
        (
            "a loop over a set",
            {"a.py": "names = []\nfor name in set(['a', 'b']):\n    names.append(name)\nprint(names)\n"},
            [("R301", "a.py", None, 2)],
        ),
        (
            "a trainer that seeds by itself",
            {
                "requirements.txt": "transformers==4.57.3\ntorch==2.9.1\n",
                "a.py": "import torch\nfrom transformers import Trainer\n\n"
                "print(torch.rand(1))\nTrainer(None).train()\n",
            },
            [],
        ),
        (
            "a device that is chosen",
            {
                "requirements.txt": "torch==2.9.1\n",
                "a.py": "import argparse\nimport torch\n\nparser = argparse.ArgumentParser()\n"
                "parser.add_argument('--device', default='cuda')\nargs = parser.parse_args()\nx = "
                "torch.ones(1)\n"
                "if args.device == 'cuda':\n    x = x.cuda()\nx = x.to(args.device)\n",
            },
            [],
        ),
        (
            "paths in messages and in the images' home are no paths of one machine",
            {
                "a.py": '"""/home/anna/a is a folder."""\nimport sys\n\nprint("/home/anna/a")\n'
                "where = '/home/jovyan/work'\nprint(sys.argv[1].startswith('/home/anna'))\n"
            },
            [],
        ),
        (
            "a question below a condition",
            {"a.py": "import sys\n\nif sys.stdin.isatty():\n    print(input())\n"},
            [],
        ),
        (
            "prose with the number that was obtained, rounded or as a percentage",
            {
                "a.ipynb": [
                    {"code": "x", "count": 1, "prints": "accuracy: 0.86112"},
                    {"markdown": "The accuracy is 86.11 %, an accuracy of 0.861."},
                ]
            },
            [],
        ),
        (
            "Python 2, Latin-1 and Windows' line ends",
            {
                "old.py": "print 'a'\n",
                "latin.py": "# -*- coding: latin-1 -*-\r\nimport os\r\nname = "
                "'é'\r\nprint(os.listdir(name)[0])\r\n",
            },
            [("R303", "latin.py", None, 4)],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_where_a_rule_fires(tmp_path: Path, name: str, files: Example, expected: list[tuple]) -> None:
    assert sorted(found(tmp_path, files), key=str) == sorted(expected, key=str)


#: What the published experiment did, in our words: see experiments/eurosat/README.md for what it is.
PUBLISHED = {
    "requirements.txt": "torch==2.5.1\ntorchvision==0.20.1\nnumpy==2.1.0\n",
    "src/train.ipynb": [
        {
            "code": "import ssl\nimport numpy as np\nimport torch\nimport torchvision\nfrom "
            "torchvision.datasets import EuroSAT\n\n"
            "np.random.seed(23)\ntorch.manual_seed(23)\nssl._create_default_https_context = "
            "ssl._create_unverified_context",
            "count": 1,
        },
        {"code": "data = EuroSAT('data', download=True)", "count": 2},
        {
            "code": "model = torchvision.models.resnet18(weights='DEFAULT')\n"
            "torch.save(model.to('cpu'), 'model.pth')",
            "count": 3,
        },
    ],
    "src/inference.py": "import torch\n\nmodel = torch.load('model.pth')\nprint(model)\n",
}


def test_it_finds_what_is_wrong_with_the_published_experiment(tmp_path: Path) -> None:
    assert found(tmp_path, PUBLISHED) == [
        ("R405", "src/inference.py", None, 3),
        ("R404", "src/train.ipynb", 1, 9),
        ("R402", "src/train.ipynb", 2, 1),
        ("R405", "src/train.ipynb", 3, 2),
    ]


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("broken.ipynb", "{", "it is not JSON"),
        ("list.ipynb", "[1]", "it is JSON, and no notebook"),
        ("empty.ipynb", "{}", "it has no cells"),
        ("r.ipynb", '{"cells": [], "metadata": {"language_info": {"name": "R"}}}', "its code is R"),
        ("python2.py", "print 'a'\n", "it is Python 2"),
        ("broken.py", "def f(:\n", "it does not parse"),
        ("nul.py", "a = '\0'\n", "it does not parse"),
        ("deep.py", "a = " + "(" * 5000 + ")" * 5000, "it does not parse"),
    ],
)
def test_what_cannot_be_read_is_named_and_passed_over(
    tmp_path: Path, path: str, content: str, reason: str
) -> None:
    files: Example = {path: content, "good.py": "import os\n\nprint(os.listdir('a')[0])\n"}
    result = audit(RULES, str(tmp_path), written(tmp_path, files), None, {})
    assert [one["rule"] for one in result["findings"]] == ["R303"]
    assert [one["file"] for one in result["skipped"]] == [path]
    assert result["skipped"][0]["reason"].startswith(reason)


def test_links_that_leave_pipes_and_large_files_are_not_read(tmp_path: Path) -> None:
    import os

    outside = tmp_path / "outside.py"
    outside.write_text("import random\nprint(random.random())\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "away.py").symlink_to(outside)
    (project / "inner.py").symlink_to(project / "real.py")
    (project / "real.py").write_text("")
    os.mkfifo(project / "pipe.py")
    with open(project / "large.ipynb", "wb") as file:
        file.truncate(1_000_000_000)
    names = ["away.py", "inner.py", "large.ipynb", "pipe.py", "real.py", "gone.py"]
    result = audit(RULES, str(project), names, None, {})
    assert result["findings"] == []
    assert [(one["file"], one["reason"].split()[0]) for one in result["skipped"]] == [
        ("away.py", "it"),
        ("gone.py", "No"),
        ("large.ipynb", "1000"),
    ]


def test_nothing_of_the_repository_is_run_and_no_framework_is_imported(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('run')\n")
    (tmp_path / "train.py").write_text("import torch\nopen('trace', 'w')\n")
    request = json.dumps({"root": str(tmp_path), "files": ["torch.py", "train.py"]})
    code = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__'); " + (
        "assert not {'torch', 'numpy', 'tensorflow'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(INSIDE / "run_audit.py")],
        input=request,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(INSIDE)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sources"] == 2
    assert not (tmp_path / "trace").exists()
