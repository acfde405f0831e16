"""Measure what a sweep on Slurm costs over Slurm itself, beside submitit.

Example, on a machine with Slurm's daemons, which this starts for it:

    python -m venv /tmp/submitit && /tmp/submitit/bin/pip install submitit==1.5.4
    deno run -A test/support/slurm.ts python bench/slurm.py --submitit /tmp/submitit/bin/python

Two things, each in turn with what it is compared with: an array of 1,000 members is submitted, held, so that
none of them runs meanwhile; and one member is run by `srun`, as its array runs it, and its command alone.
Writes bench/results/slurm.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from machine import describe_machine, save_result

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "slurm.json"
EXPERIMENT = """name: made
parameters: { seed: 1 }
steps:
  train:
    run: [python3, train.py, "{seed}", "{out}"]
    produces: [m.json]
"""
TRAIN = """import json, sys
json.dump({"accuracy": int(sys.argv[1])}, open(sys.argv[2] + "/m.json", "w"))
"""
# What somebody would write with submitit: the same command for each seed, in one array.
SUBMITIT = """import subprocess, sys, submitit
def train(seed):
    subprocess.run(["python3", "train.py", str(seed), "."], check=True)
executor = submitit.SlurmExecutor("submitit")
executor.update_parameters(time=10, array_parallelism=1000, additional_parameters={"hold": True})
print(executor.map_array(train, range(1, int(sys.argv[1]) + 1))[0].job_id)
"""


def timed(command: list[str], project: Path, script: str | None = None) -> tuple[float, str]:
    """Seconds on the wall, and what was printed."""
    environment = {**os.environ, "INIT_CWD": str(project), "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=project, env=environment, input=script, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return seconds, done.stdout


def cancel() -> None:
    """Ends all jobs of this user, and waits until none is left to slow the next round."""
    subprocess.run(["scancel", "--me"], check=True)
    while subprocess.run(["squeue", "--me", "--noheader"], capture_output=True, check=True).stdout.strip():
        time.sleep(0.5)


def task(*arguments: str) -> list[str]:
    return ["deno", "task", "--quiet", "--config", str(ROOT / "deno.json"), "sweep", *arguments]


def submitted(project: Path, members: int, submitit: str | None) -> dict[str, float]:
    """Seconds until Slurm has an array, by each way."""
    script = f"#!/bin/bash\npython3 train.py $((SLURM_ARRAY_TASK_ID + 1)) {project}\n"
    bare = ["sbatch", "--parsable", "--hold", f"--array=0-{members - 1}", f"--output={project}/bare.out"]
    ways = {"sbatch": (bare, script), "sweep": (task("--seeds", str(members), "--on", "held"), None)}
    if submitit is not None:
        ways["submitit"] = ([submitit, "-c", SUBMITIT, str(members)], None)
    found = {}
    for name, (command, text) in ways.items():
        found[name] = timed(command, project, text)[0]
        cancel()
    return found


def run_one(project: Path) -> dict[str, float]:
    """Seconds of a member and of its command alone, both by srun."""
    (sweep, *_) = sorted((project / "runs" / "made" / "sweeps").iterdir())
    _, plan = timed(task("--seeds", "2", "--on", "held", "--plan"), project)
    (line,) = [line for line in plan.splitlines() if line.startswith("exec ")]
    python, program = shlex.split(line)[1:3]
    jobs = str(sweep / "submission-1.jobs.jsonl")
    out = project / "bare"
    out.mkdir(exist_ok=True)
    bare, _ = timed(["srun", python, "train.py", "1", str(out)], project)
    member, _ = timed(["srun", python, program, jobs, "0"], project)
    # The next round finds nothing done.
    directory = json.loads(Path(jobs).read_text().splitlines()[0])["directory"]
    subprocess.run(["rm", "-r", directory], check=True)
    return {"srun": bare, "member": member}


def middle(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--submitit", metavar="PYTHON", help="a Python that has submitit")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slurm-") as temporary:
        project = Path(temporary)
        (project / "experiment.yaml").write_text(EXPERIMENT)
        (project / "train.py").write_text(TRAIN)
        (project / "hosts").mkdir()
        (project / "hosts" / "held.yaml").write_text("options: [--hold]\n")
        submit = [submitted(project, arguments.members, arguments.submitit) for _ in range(arguments.rounds)]
        run = [run_one(project) for _ in range(arguments.rounds)]
    both = {"submit_s": middle(submit), "run_s": middle(run)}
    save_result(
        RESULT,
        {
            "made_by": "bench/slurm.py",
            "date": time.strftime("%Y-%m-%d"),
            "machine": describe_machine(),
            "slurm": subprocess.run(["sbatch", "--version"], capture_output=True, text=True).stdout.strip(),
            "rounds": arguments.rounds,
            "members": arguments.members,
            **both,
            "submit_over_sbatch_s": round(both["submit_s"]["sweep"] - both["submit_s"]["sbatch"], 3),
            "member_over_srun_s": round(both["run_s"]["member"] - both["run_s"]["srun"], 3),
        },
    )


if __name__ == "__main__":
    main()
