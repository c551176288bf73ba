"""A project with the bundled suites, in which pytest is run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import scipy.special

from securemnist import measures, report
from securemnist._util import resources
from securemnist._util.torchvision_shim import torchvision
from tests import warm
from tests.plugin.rows import MODEL

# pytester forgets what an inner run imports, and compiled modules refuse to be imported twice: all of
# them are imported here, before the first inner run.
PRELOADED = (measures, report, scipy.special, torchvision())
# The suites of the rows of these tests, and one more. All of them are collected by tests of `assess`.
SUITES = ("clean", "evasion", "latency", "certified")
# What else is installed beside pytest takes a third of a short run.
OTHERS = ("hypothesispytest", "schemathesis", "anyio", "rerunfailures", "randomly")


@pytest.fixture
def project(pytester: pytest.Pytester, small_mnist: Path) -> Any:
    """A function that makes a project of a policy and the bundled suites, and runs pytest in it.

    On a small part of MNIST, unless `whole`; in a process of its own where it runs `apart`.
    """
    suites = pytester.mkdir("security_tests")
    for name in SUITES:
        shutil.copy(resources.SUITES / f"test_{name}.py", suites)

    def run(
        policy: str,
        *arguments: str,
        apart: bool = False,
        model: bool = True,
        whole: bool = False,
        plugins: Sequence[object] = (),
    ) -> pytest.RunResult:
        (suites / "thresholds.toml").write_text(policy)
        options = [*(f"-pno:{name}" for name in OTHERS), *([MODEL] if model else [])]
        options += [] if whole else [f"--security-data={small_mnist}"]
        if apart:
            return pytester.run(*warm.python("-m", "pytest", *options, *arguments))
        more: dict[str, Any] = {"plugins": plugins} if plugins else {}
        return pytester.runpytest_inprocess(*options, *arguments, **more)

    return run
