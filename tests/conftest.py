"""Shared fixtures: MNIST, the baseline model, and the rule that every test has a docstring."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from securemnist import data
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.runtime.malloc import keep_freed_memory
from tests import warm
from tests.browser import chromium, skip_without
from tests.data.small import write

HERE = Path(__file__).parent
keep_freed_memory()  # as in a run of `assess`
os.environ.pop("GITHUB_ACTIONS", None)  # these tests are no GitHub job, wherever they run
# Times vary on a shared machine, and a test leaves nothing behind, not even its examples.
settings.register_profile("house", deadline=None, database=None, print_blob=True)
settings.load_profile("house")
# Tests of ten seconds and more: begun last, one of them would run alone at the end.
SLOW = {
    "test_gate_on_another_task",
    "test_init_writes_a_policy_that_the_model_meets",
    "test_first_policy_of_a_file",
    "test_policy_for_an_endpoint",
    "test_assessment_of_a_described_endpoint",
    "test_own_code_has_no_findings",
    "test_saboteur_fails",  # of slow requests
    "test_suppressions_name_their_rule",  # beside the one above, whose scan it shares
    "test_the_package_has_strict_types",
    "test_wheel_assesses_a_model_and_reports",
    "test_operators_all_tested_with_sound_bounds",
    "test_incremental_pass_of_all_operators",  # beside the one above, whose network it shares
    "test_assessment_independent_of_workers_and_order",
    "test_better_model_passes",
    "test_worse_model_is_blocked",
    "test_reference_model_training_reproducible",
    "test_the_page_runs_as_printed",
    "test_interrupted_run_is_completed_by_the_next",
    "test_code_of_the_tutorial_runs",
}


def pytest_configure(config: pytest.Config) -> None:
    """Start the server of warm processes beside the workers, which share it."""
    if getattr(config.option, "numprocesses", None):
        warm.share()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test without a docstring, and begin with the slow ones; the rest is in random order.

    A busy machine can delay a browser: its tests, as those with a time limit, have three tries.
    """
    items.sort(key=lambda item: getattr(item, "originalname", item.name) not in SLOW)
    for item in items:
        if item.path.is_relative_to(HERE) and not getattr(item, "obj", item).__doc__:
            raise pytest.UsageError(f"{item.nodeid}: expected a claim as its docstring, got none")
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session")
def mnist() -> DataSet:
    """The bundled MNIST."""
    return data.load()


@pytest.fixture(scope="session")
def small_mnist(mnist: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 training and 400 test images of MNIST.

    A run on them saves two seconds: it neither decompresses MNIST nor predicts 10,000 images.
    """
    folder = tmp_path_factory.mktemp("small") / "small mnist"
    folder.mkdir()
    write(folder, mnist.tuning[:60], mnist.test[:400])
    return folder


@pytest.fixture(scope="session")
def baseline() -> Subject:
    """The undefended reference model, from its weight file."""
    return loading.resolve("baseline")


@pytest.fixture(scope="session")
def context(baseline: Subject, mnist: DataSet) -> Context:
    """The baseline on the whole test set of MNIST."""
    return Context(baseline, mnist)


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working folder during the test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser; one a module, as Playwright's event loop refuses others in its process."""
    skip_without()
    with chromium() as driven:
        yield driven
