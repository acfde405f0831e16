"""Measure sweeps of many members: the plan of 1,000; record, status, report and collection of 10,000 made.

Example:

    python bench/sweep.py --rounds 5

Two members are run, and copied to make the others. Beside the wall times stand the processor's own seconds,
which a busy machine changes less, and the most memory. Writes bench/results/sweep.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "sweep.json"
EXPERIMENT = """name: made
parameters: { seed: 1 }
steps:
  train:
    run: [python3, train.py, "{seed}", "{out}"]
    produces: [m.json]
claims:
  - name: accuracy over seeds
    from: train/m.json#/accuracy/-1
    over: seeds
    value: { mean: 94.0, std: 0.3, n: 10 }
    tolerance: { absolute: 2, because: made up }
"""
TRAIN = """
import json, random, sys
draw = random.Random(int(sys.argv[1]))
json.dump({"accuracy": [94 + draw.gauss(0, 0.3) for _ in range(10)]}, open(sys.argv[2] + "/m.json", "w"))
"""


def measure(project: Path, command: list[str], codes: tuple[int, ...] = (0,)) -> dict[str, float]:
    """Runs a command: seconds on the wall, of the processor, and MB of memory at most."""
    environment = {**os.environ, "INIT_CWD": str(project), "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
    output = project / "output.txt"
    with output.open("w") as file:
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=project, env=environment, stdout=file, stderr=file)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode in codes, output.read_text()
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "memory_mb": usage.ru_maxrss / 1024}


def task(project: Path, *arguments: str) -> dict[str, float]:
    """Measures a task as a person calls it."""
    return measure(project, ["deno", "task", "--quiet", "--config", str(ROOT / "deno.json"), *arguments])


def sweep(project: Path, *arguments: str) -> dict[str, float]:
    return task(project, "sweep", *arguments)


def record(project: Path, folder: Path) -> dict[str, float]:
    """The record is read and written again, by a program that does nothing else."""
    rights = ["--allow-read", "--allow-write"]
    config = ["--config", str(ROOT / "deno.json")]
    return measure(
        project, ["deno", "run", *rights, *config, str(ROOT / "bench" / "sweep_record.ts"), str(folder)]
    )


def middle(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}


def make_members(project: Path, count: int) -> Path:
    """Copies two members that ran, until there are so many."""
    sweep(project, "--seeds", "2")
    (folder,) = (project / "runs" / "made" / "sweeps").iterdir()
    record = json.loads((folder / "sweep.json").read_text())
    first = record["members"]
    for number in range(3, count + 1):
        like = first[number % 2]
        run = f"{folder.name}-{number:04}"
        shutil.copytree(folder / like["run"], folder / run)
        record["members"].append({**like, "values": {"seed": str(number)}, "run": run})
    (folder / "sweep.json").write_text(json.dumps(record, indent=2))
    return folder


def collect(project: Path, folder: Path) -> dict[str, float]:
    """As after members that ran elsewhere: the record knows of none that is done."""
    path = folder / "sweep.json"
    record = json.loads(path.read_text())
    record["attempts"] = []
    record["status"] = "running"
    record["members"] = [{"values": member["values"], "status": "waiting"} for member in record["members"]]
    path.write_text(json.dumps(record, indent=2))
    return sweep(project, "--resume")


DIGITS = """name: digits
parameters: {{ seed: 1 }}
steps:
  train:
    run: [{python}, -m, src.modelling.digits, --epochs, "{epochs}", --seed, "{{seed}}", --out, "{{out}}"]
    produces: [metrics.json]
claims:
  - name: over seeds
    from: train/metrics.json#/validation_accuracy/-1
    over: seeds
    value: {{ at_least: 0 }}
"""


def bare(project: Path, python: str, epochs: int, name: str, seeds: int) -> float:
    """Seconds that two Python processes take that train half of the seeds each, one after the other."""
    code = (
        "import runpy, sys\n"
        "epochs, out, *seeds = sys.argv[1:]\n"
        "for seed in seeds:\n"
        "    sys.argv = ['digits', '--epochs', epochs, '--seed', seed, '--out', out + seed]\n"
        "    try:\n"
        "        runpy.run_module('src.modelling.digits', run_name='__main__', alter_sys=True)\n"
        "    except SystemExit as end:\n"
        "        assert not end.code, end.code\n"
    )
    numbers = [str(seed) for seed in range(1, seeds + 1)]
    started = time.perf_counter()
    children = [
        subprocess.Popen(
            [python, "-c", code, str(epochs), str(project / name), *half],
            cwd=project,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
        )
        for half in (numbers[::2], numbers[1::2])
    ]
    assert [child.wait() for child in children] == [0, 0]
    return time.perf_counter() - started


def digits(python: str, epochs: int, seeds: int, rounds: int) -> dict[str, object]:
    """A sweep of digits with two members at a time beside two bare processes that share the same work."""
    with tempfile.TemporaryDirectory(prefix="sweep-") as temporary:
        project = Path(temporary)
        shutil.copytree(ROOT / "src", project / "src")
        (project / "experiment.yaml").write_text(DIGITS.format(python=python, epochs=epochs))
        ours, theirs = [], []
        for round_ in range(rounds):
            ours.append(sweep(project, "--seeds", str(seeds), "--jobs", "2", "--engine", "host")["wall_s"])
            theirs.append(bare(project, python, epochs, f"bare-{round_}-", seeds))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe_machine(),
        **{"seeds": seeds, "epochs": epochs, "jobs": 2, "rounds": rounds},
        "sweep_s": round(statistics.median(ours), 1),
        "two_python_processes_s": round(statistics.median(theirs), 1),
        "ratio": round(statistics.median(ratios), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument(
        "--digits",
        metavar="PYTHON",
        help="only seeds of digits, beside two processes of this Python, which has the requirements",
    )
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.digits:
        found = digits(arguments.digits, arguments.epochs, arguments.seeds, arguments.rounds)
        save_result(RESULT, {**json.loads(RESULT.read_text()), "digits": found})
        return
    with tempfile.TemporaryDirectory(prefix="sweep-") as temporary:
        project = Path(temporary)
        (project / "experiment.yaml").write_text(EXPERIMENT)
        (project / "train.py").write_text(TRAIN)
        plan = [sweep(project, "--seeds", "1000", "--plan") for _ in range(arguments.rounds)]
        folder = make_members(project, arguments.members)
        files = sum(1 for path in (folder / f"{folder.name}-0003").rglob("*") if path.is_file())
        collected = [collect(project, folder) for _ in range(arguments.rounds)]
        recorded = [record(project, folder) for _ in range(arguments.rounds)]
        status = [sweep(project, "--status") for _ in range(arguments.rounds)]
        reported = [task(project, "report", str(folder)) for _ in range(arguments.rounds)]
        shown = [sweep(project, "--show") for _ in range(arguments.rounds)]
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    save_result(
        RESULT,
        {
            **({"digits": before["digits"]} if "digits" in before else {}),
            "made_by": "bench/sweep.py",
            "date": time.strftime("%Y-%m-%d"),
            "machine": describe_machine(),
            "rounds": arguments.rounds,
            "members": arguments.members,
            "files_of_a_member": files,
            "plan_of_1000": middle(plan),
            "record": middle(recorded),
            "status": middle(status),
            "report": middle(reported),
            "collect_judge_and_report": middle(collected),
            "show": middle(shown),
        },
    )


if __name__ == "__main__":
    main()
