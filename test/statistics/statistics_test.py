"""The statistics over seeds beside scipy and statsmodels: 1,000 random cases and the edges, to 1e-6."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

ROOT = Path(__file__).parents[2]

CASES = 1000

Case = dict[str, Any]


def test_statistics_agree_with_scipy_and_statsmodels_on_random_cases() -> None:
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    compare([random_case(draw) for _ in range(CASES)], f"seed {seed}")


def test_statistics_agree_with_scipy_and_statsmodels_at_the_edges() -> None:
    values = {
        "two": [1.0, 2.0],
        "two that hardly differ": [99.44, 99.4400001],
        "one that is far off": [99.4, 99.5, 99.3, 10.0],
        "below zero": [-3.0, -2.5, -2.75],
        "large": [1e9, 1e9 + 1, 1e9 + 3],
        "small": [1e-9, 2e-9, 4e-9],
        "many": [float(i % 7) for i in range(200)],
    }
    cases = [
        dict(a=a, b=b, margin=float(np.std(b)) + 1e-9, deviation=deviation, k=k, n=n, confidence=confidence)
        for a in values.values()
        for b in values.values()
        for deviation, k, n, confidence in [
            (0.0, 0, 1, 0.95),
            (3.0, 1, 1, 0.9),
            (1.0, 0, 20, 0.95),
            (2.0, 10, 10, 0.99),
        ]
    ]
    compare(cases, "an edge")


def test_own_resamples_give_nearly_the_interval_of_scipys() -> None:
    case = dict(b=[1.0, 2.0], margin=1.0, deviation=1.0, k=1, n=2, confidence=0.95)
    samples = [
        [99.44, 99.72, 99.44, 99.17, 100.0, 99.72, 99.44, 99.72, 99.17, 99.72],
        [float(i**2 % 17) for i in range(40)],
    ]
    computed = compute([{**case, "a": a} for a in samples])
    for a, found in zip(samples, computed, strict=True):
        rng = np.random.default_rng(1)
        result = stats.bootstrap((a,), np.mean, n_resamples=50_000, rng=rng).confidence_interval
        error = np.std(a, ddof=1) / np.sqrt(len(a))
        assert np.allclose(found["bootstrap"]["interval"], result, rtol=0, atol=0.2 * error)


def random_case(draw: random.Random) -> Case:
    def sample() -> list[float]:
        middle, spread = draw.uniform(-100, 100), 10 ** draw.uniform(-3, 1)
        return [draw.gauss(middle, spread) for _ in range(draw.randint(2, 40))]

    a, b = sample(), sample()
    n = draw.randint(1, 60)
    return {
        "a": a,
        "b": [value + np.mean(a) - np.mean(b) for value in b] if draw.random() < 0.5 else b,
        "margin": float(np.std(a) + np.std(b)) * 10 ** draw.uniform(-2, 1),
        "deviation": draw.uniform(0, 5),
        "k": draw.randint(0, n),
        "n": n,
        "confidence": draw.choice([0.9, 0.95, 0.99]),
    }


def compare(cases: list[Case], where: str) -> None:
    computed = compute(cases)
    assert len(computed) == len(cases)
    for case, found in zip(cases, computed, strict=True):
        for name, value in reference(case, found).items():
            # A quantity's own size, or that of the values it is from, is what 1e-6 is of.
            scale = max(1.0, np.max(np.abs(value)))
            agrees = np.allclose(found[name], value, rtol=0, atol=1e-6 * scale)
            assert agrees, (where, name, found[name], value, case)


def reference(case: Case, found: Case) -> Case:
    a, b = np.array(case["a"]), np.array(case["b"])
    alpha, margin, n = 1 - case["confidence"], case["margin"], len(a)
    both = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    test = stats.ttest_ind(a, b, equal_var=False)
    error = np.sqrt(a.var(ddof=1) / n + b.var(ddof=1) / len(b))
    prediction = OLS(a, np.ones(n)).fit().get_prediction([1.0]).conf_int(obs=True, alpha=alpha)[0]

    # scipy gives nan for some far tails, which are below 1e-15.
    def power(deviation: float, alpha: float = alpha) -> float:
        limit, ncp = stats.t.ppf(1 - alpha / 2, n - 1), deviation / np.sqrt(1 + 1 / n)
        return float(stats.nct.sf(limit, n - 1, ncp) + np.nan_to_num(stats.nct.cdf(-limit, n - 1, ncp)))

    def equivalence(margin: float, alpha: float) -> float:
        limit = stats.t.ppf(1 - alpha / 2, test.df)
        return float(max(0.0, 1 - 2 * np.nan_to_num(stats.nct.cdf(limit, test.df, margin / error))))

    compare_bootstrap(case, found["bootstrap"])
    assert power(found["detectable"], 0.05) == pytest.approx(0.8, abs=1e-6)
    assert equivalence(found["margin"], 0.1) == pytest.approx(0.8, abs=1e-6)
    exact = stats.binomtest(case["k"], case["n"]).proportion_ci(case["confidence"])
    beta = proportion_confint(case["k"], case["n"], alpha, method="beta")
    assert np.allclose(beta, exact, atol=1e-9)
    return {
        "mean": a.mean(),
        "sd": a.std(ddof=1),
        "prediction": prediction,
        "meanInterval": DescrStatsW(a).tconfint_mean(alpha),
        "proportion": exact,
        "difference": a.mean() - b.mean(),
        "df": test.df,
        "differenceInterval": both.tconfint_diff(alpha, usevar="unequal"),
        "equivalenceP": both.ttost_ind(-margin, margin, usevar="unequal")[0],
        "predictionPower": power(case["deviation"]),
        "equivalencePower": equivalence(margin, alpha),
    }


def compare_bootstrap(case: Case, found: Case | None) -> None:
    """The same resamples give scipy's interval."""
    a, confidence = np.array(case["a"]), case["confidence"]
    assert (found is None) == (len(a) < 10 or bool(np.all(a == a[0])))
    if found is None:
        return
    given = SimpleNamespace(bootstrap_distribution=np.array(found["means"]))

    result = stats.bootstrap(
        (a,), np.mean, method="BCa", confidence_level=confidence, n_resamples=0, bootstrap_result=given
    )
    expected = [result.confidence_interval.low, result.confidence_interval.high]
    scale = max(1.0, np.max(np.abs(a)))
    assert np.allclose(found["ofMeans"], expected, rtol=0, atol=1e-6 * scale), (
        found["ofMeans"],
        expected,
        case,
    )


def compute(cases: list[Case]) -> list[Case]:
    deno = os.environ.get("DENO") or shutil.which("deno")
    if deno is None:
        pytest.skip("deno is not on PATH, and DENO does not say where it is")
    program = Path(__file__).with_name("compute.ts")
    done = subprocess.run(
        [deno, "run", "--no-check", "--quiet", str(program)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[Case] = json.loads(done.stdout)
    return results
