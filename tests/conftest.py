"""Shared fixtures: MNIST, the baseline model, and the rule that every test has a docstring."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from securemnist import data
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.models import loading
from securemnist.models.loading import Subject
from tests.data.small import write

HERE = Path(__file__).parent
# Times vary on a shared machine, and a test leaves nothing behind, not even its examples.
settings.register_profile("house", deadline=None, database=None, print_blob=True)
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test without a docstring."""
    for item in items:
        if item.path.is_relative_to(HERE) and not getattr(item, "obj", item).__doc__:
            raise pytest.UsageError(f"{item.nodeid}: expected a claim as its docstring, got none")


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
