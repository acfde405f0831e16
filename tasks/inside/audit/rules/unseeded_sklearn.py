"""R107: scikit-learn without random_state."""

from __future__ import annotations

import ast
import typing

from audit.generators import NUMPY, is_absent, is_seeded
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, argument, constant, last

#: What always draws; what draws with some settings only is left out.
ALWAYS = frozenset(
    [
        "train_test_split",
        "ShuffleSplit",
        "StratifiedShuffleSplit",
        "GroupShuffleSplit",
        "RepeatedKFold",
        "RepeatedStratifiedKFold",
        "RandomForestClassifier",
        "RandomForestRegressor",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "BaggingClassifier",
        "BaggingRegressor",
        "IsolationForest",
        "KMeans",
        "MiniBatchKMeans",
        "BisectingKMeans",
        "GaussianMixture",
        "MLPClassifier",
        "MLPRegressor",
        "SGDClassifier",
        "Perceptron",
        "TSNE",
        "RandomizedSearchCV",
        "make_classification",
        "make_regression",
        "make_blobs",
        "make_moons",
        "make_circles",
        "resample",
        "shuffle",
        "permutation_importance",
        "FastICA",
        "LatentDirichletAllocation",
    ]
)

WHERE_SHUFFLED = frozenset(("KFold", "StratifiedKFold", "StratifiedGroupKFold"))


def check(project: Project) -> typing.Iterator[Found]:
    calls = {
        path: [call for call in source.calls if draws(source, call)]
        for path, source in project.sources.items()
    }
    told = set()
    for program in project.programs:
        reach = [source for source in project.reach(program) if calls[source.path]]
        if not reach or is_seeded(project, program, NUMPY):
            continue
        for source in reach:
            for call in calls[source.path]:
                if id(call) not in told:
                    told.add(id(call))
                    yield source.at(call, f"{last(source.called(call))}() without random_state")


def draws(source: Source, call: ast.Call) -> bool:
    name = source.called(call)
    if name is None or not name.startswith("sklearn."):
        return False
    if last(name) in WHERE_SHUFFLED:
        return constant(argument(call, "shuffle")) is True and is_absent(call, "random_state")
    if last(name) not in ALWAYS or not is_absent(call, "random_state"):
        return False
    return constant(argument(call, "shuffle")) is not False


RULE = Rule(
    id="R107",
    title="scikit-learn without random_state",
    severity="error",
    reason="Splits and models are drawn from NumPy's shared generator, which nothing seeds here.",
    remedy="Pass random_state=SEED",
    check=check,
    firing={
        "split.py": "from sklearn.model_selection import train_test_split\n\nprint(train_test_split([1, "
        "2, 3, 4]))\n"
    },
    silent={
        "split.py": "from sklearn.model_selection import train_test_split\n\n"
        "print(train_test_split([1, 2, 3, 4], random_state=23))\n"
    },
    once_per_file=True,
)
