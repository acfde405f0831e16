"""Files are either whole or not there, and a command's end says what happened."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from src.common import files
from src.common.command import exit_code
from src.common.failure import RequestError, UnavailableError

ROOT = Path(__file__).resolve().parents[3]


def _full_disk(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.json"
    files.write_json(path, {"epochs": 1})
    monkeypatch.setattr(files.os, "fsync", _full_disk)
    with pytest.raises(UnavailableError, match="Cannot write .*metrics.json: No space left on device"):
        files.write_json(path, {"epochs": 2})
    assert json.loads(path.read_text()) == {"epochs": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.json"]


def test_nan_is_never_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "metrics.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert files.output_folder(tmp_path / "a" / "b").is_dir()


def test_a_command_ends_with_its_failures_code_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise RequestError("Cannot do it")

    assert exit_code(refuse, "") == 2
    assert capsys.readouterr().err == "Cannot do it\n"


def test_an_interrupted_command_says_what_remains_and_ends_with_130(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert exit_code(interrupt, "nothing was written") == 130
    assert capsys.readouterr().err == "Interrupted: nothing was written\n"


def test_a_command_whose_reader_has_gone_ends_without_a_traceback() -> None:
    code = (
        "from src.common.command import exit_code; import sys; "
        "sys.exit(exit_code(lambda: print('x' * 10**6), ''))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1
    process.stderr.close()
