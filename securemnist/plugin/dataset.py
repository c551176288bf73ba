"""The data of a run: loaded once, and held against the policy before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from securemnist.data import DataSet

_DATA = pytest.StashKey[Any]()


def data_of(config: pytest.Config) -> DataSet:
    """What --security-data or the project names; UsageError where the policy is for other data."""
    if _DATA not in config.stash:
        from securemnist import data
        from securemnist.measures import check_data
        from securemnist.plugin.state import STATE
        from securemnist.project import settings

        folder = config.getoption("--security-data") or settings.load(config.rootpath).data
        loaded = data.load(Path(folder) if folder else None)
        run = config.stash[STATE].run
        if run is not None:
            check_data(run.policy, loaded)
        config.stash[_DATA] = loaded
    found: DataSet = config.stash[_DATA]
    return found


def warnings_of(config: pytest.Config) -> list[str]:
    """What a reader should know of the policy and the data, and what fails nothing."""
    from securemnist.plugin.state import STATE
    from securemnist.view.taxonomy import unknown_ids

    run = config.stash[STATE].run
    told = [unknown_ids(run.policy.requirements)] if run is not None else []
    if _DATA in config.stash:
        told.append(str(config.stash[_DATA].copies))
    return [sentence for sentence in told if sentence]
