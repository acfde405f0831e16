"""R305: results in a place that is named by the time."""

from __future__ import annotations

import typing

from audit.clock import is_clock
from audit.paths import written
from audit.project import Project
from audit.rule import Found, Rule
from audit.rules.clock_as_seed import calls_behind


def check(project: Project) -> typing.Iterator[Found]:
    for source in project.sources.values():
        if not any(is_clock(name) for name in source.called_names):
            continue
        for call in source.calls:
            path = written(source, call)
            if path is None and source.called(call) in ("os.makedirs", "os.mkdir") and call.args:
                path = call.args[0]
            if path is not None and any(is_clock(one) for one in calls_behind(source, path)):
                yield source.at(call, "The results' place is named by the time of the run")


RULE = Rule(
    id="R305",
    title="Results in a place named by the time",
    severity="note",
    reason="What reads them next, and who claims a number from them, has to guess the name.",
    remedy="Take the folder as an argument and write results under fixed names in it; a run folder has "
    "the time already",
    check=check,
    firing={
        "train.py": "import time\n\nname = f'result-{time.time()}.txt'\nwith open(name, 'w') as file:\n"
        "    file.write('0.94')\n"
    },
    silent={"train.py": "with open('result.txt', 'w') as file:\n    file.write('0.94')\n"},
    once_per_file=True,
)
