"""The data of a run: loaded once, and checked against the policy before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from securemnist.data import DataSet

_DATA = pytest.StashKey[Any]()
READ = pytest.StashKey[Any]()  # the data of the options, where they were read before


def data_of(config: pytest.Config) -> DataSet:
    """The data of --security-data or the settings; UsageError if the policy is for other data."""
    if _DATA not in config.stash:
        from securemnist import data
        from securemnist.measures import check_data
        from securemnist.plugin.state import STATE
        from securemnist.project import settings

        option, own = config.getoption("--security-data"), settings.load(config.rootpath).data
        folder = config.rootpath / own if own and not option else option and Path(option)
        loaded = config.stash.get(READ, None) or data.load(folder)
        run = config.stash[STATE].run
        if run is not None:
            check_data(run.policy, loaded)
        config.stash[_DATA] = loaded
    data_set: DataSet = config.stash[_DATA]
    return data_set


def warnings_of(config: pytest.Config) -> list[str]:
    """Warnings about policy and data: unknown threat identifiers, copies of training images."""
    from securemnist.plugin.state import STATE
    from securemnist.view.taxonomy import unknown_ids

    run = config.stash[STATE].run
    warnings = [unknown_ids(run.policy.requirements)] if run is not None else []
    if _DATA in config.stash:
        warnings.append(str(config.stash[_DATA].copies))
    return [sentence for sentence in warnings if sentence]
