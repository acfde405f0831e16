"""in-toto's own libraries read a receipt: the statement and the envelope."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

statement_pb2 = pytest.importorskip("in_toto_attestation.v1.statement_pb2")
statement = pytest.importorskip("in_toto_attestation.v1.statement")
json_format = pytest.importorskip("google.protobuf.json_format")
dsse = pytest.importorskip("securesystemslib.dsse")

ROOT = Path(__file__).resolve().parent.parent.parent
NAMESPACE = "receipt@deno-task-reproduce"
EXPERIMENT = """name: test
steps: { train: { run: [python, -c, "open('{out}/a.json', 'w').write('[1, 2]')"] } }
claims:
  - { name: first, from: train/a.json#/0, value: 1 }
  - { name: second, from: train/a.json#/1, value: 3 }
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which one claim holds and one does not, signed."""
    deno = shutil.which("deno")
    if deno is None or shutil.which("ssh-keygen") is None:
        pytest.skip("deno or ssh-keygen is not on PATH")
    folder = tmp_path_factory.mktemp("project")
    (folder / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    key = folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    environment = {**os.environ, "INIT_CWD": str(folder), "RUNS_DIR": str(folder / "runs")}
    for task in (["reproduce", "--engine", "host"], ["receipt", "--sign", str(key)]):
        command = [deno, "task", "--quiet", "--config", str(ROOT / "deno.json"), *task]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == (1 if task[0] == "reproduce" else 0), done.stderr
    return next(path for path in (folder / "runs" / "test").iterdir() if not path.is_symlink())


def test_the_statement_is_one_for_in_toto_and_its_digests_are_those_of_the_files(run: Path) -> None:
    envelope = dsse.Envelope.from_dict(json.loads((run / "receipt.json").read_text(encoding="utf-8")))
    assert envelope.payload_type == "application/vnd.in-toto+json"
    read = json_format.Parse(envelope.payload, statement_pb2.Statement())
    statement.Statement.copy_from_pb(read).validate()
    names = [subject.name for subject in read.subject]
    assert {"plan.json", "evidence.json", "verdict.json", "log.txt", "train/a.json"} <= set(names)
    for subject in read.subject:
        assert hashlib.sha256((run / subject.name).read_bytes()).hexdigest() == subject.digest["sha256"]
    predicate = json_format.MessageToDict(read.predicate)
    assert predicate["result"] == "FAILED"
    assert (predicate["passedTests"], predicate["failedTests"]) == (["first"], ["second"])


def test_the_signature_is_over_the_bytes_that_dsse_says(run: Path, tmp_path: Path) -> None:
    envelope = dsse.Envelope.from_dict(json.loads((run / "receipt.json").read_text(encoding="utf-8")))
    (key_id,) = envelope.signatures
    blob = base64.b64encode(bytes.fromhex(envelope.signatures[key_id].signature)).decode()
    signature = tmp_path / "sig"
    signature.write_text(
        f"-----BEGIN SSH SIGNATURE-----\n{blob}\n-----END SSH SIGNATURE-----\n", encoding="ascii"
    )
    check = ["ssh-keygen", "-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(signature)]
    good = subprocess.run(check, input=envelope.pae(), capture_output=True)
    assert good.returncode == 0, good.stderr
    assert key_id.encode() in good.stdout
    altered = subprocess.run(check, input=envelope.pae() + b" ", capture_output=True)
    assert altered.returncode != 0


def test_the_receipt_of_a_sweep_is_a_statement_over_the_receipts_of_its_members(tmp_path: Path) -> None:
    deno = shutil.which("deno")
    if deno is None:
        pytest.skip("deno is not on PATH")
    seeds = EXPERIMENT.replace("name: test", "name: test\nparameters: { seed: 1 }").replace(
        "value: 3", "over: seeds, value: { at_least: 1 }"
    )
    (tmp_path / "experiment.yaml").write_text(seeds.replace("[1, 2]", "[1, {seed}]"), encoding="utf-8")
    command = [deno, "task", "--quiet", "--config", str(ROOT / "deno.json"), "sweep", "--seeds", "2"]
    environment = {**os.environ, "INIT_CWD": str(tmp_path), "RUNS_DIR": str(tmp_path / "runs")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    (sweep,) = (tmp_path / "runs" / "test" / "sweeps").iterdir()
    text = (sweep / "receipt.json").read_text(encoding="utf-8")
    read = json_format.Parse(text, statement_pb2.Statement())
    statement.Statement.copy_from_pb(read).validate()
    names = [subject.name for subject in read.subject]
    members = [f"{sweep.name}-{number:04}/receipt.json" for number in (1, 2)]
    assert names == ["sweep.json", "verdict.json", *members], done.stderr
    for subject in read.subject:
        assert hashlib.sha256((sweep / subject.name).read_bytes()).hexdigest() == subject.digest["sha256"]
    predicate = json_format.MessageToDict(read.predicate)
    assert predicate["failedTests"] == ["second"]
    assert predicate["sweep"]["status"] == "done"
