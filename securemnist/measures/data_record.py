"""Data changes: differences between the data of a run and what was recorded of them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from securemnist.data.dataset import DataSet
from securemnist.data.recording import record
from securemnist.errors import DataError, MeasureError
from securemnist.evaluation.context import Context
from securemnist.measures import inputs, supply_chain
from securemnist.measures.base import Settings
from securemnist.measures.inputs import InsidePath
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.findings import Measurement
from securemnist.supply_chain import data_digests, data_record
from securemnist.supply_chain.data_record import DataRecord
from securemnist.types import Progress, silent


class DataRecordSettings(Settings):
    """Settings of a row of data.

    `record`: the record that `securemnist data record` wrote, relative to the project's folder; by
    default data-record.json beside the policy. `compare`: "digests", for the very same data, or
    "statistics", for another draw of them.
    """

    record: InsidePath | None = None
    compare: Literal["digests", "statistics"] = "digests"

    def inputs(self, context: Context) -> dict[str, str]:
        """The record, also the one beside the policy."""
        return {self.record or data_record.NAME: inputs.digest(_path(context, self))}


def data_changes(context: Context, settings: DataRecordSettings, _seed: int) -> Measurement:
    """The number of facts about the data that differ from their record; the model is not used.

    By "digests" every change is found: of files, pixels and labels, of the number of images of each
    class, of equal images, and of how bright each class is. By "statistics" another draw of the data
    is compared: shares and brightness of the classes, equal images, and labels unlike those of the
    nearest image (Wilson 1972). Two honest draws fail once in ten thousand.

    MeasureError where the record cannot be read.
    """
    path = _path(context, settings)
    try:
        recorded = data_record.load(path)
    except DataError as error:
        raise MeasureError(str(error)) from error
    checks = compared(
        context.data, recorded, by_statistics=settings.compare == "statistics",
        progress=context.progress,
    )  # fmt: skip
    about = (
        f"{context.data.name} and {settings.record or path.name}, compared by {settings.compare}"
    )
    return supply_chain.counted(checks, about)


def compared(
    data: DataSet, recorded: DataRecord, *, by_statistics: bool, progress: Progress = silent
) -> list[SupplyCheck]:
    """Checks of the data against a record."""
    found = record(data, neighbours=by_statistics, progress=progress)
    if not by_statistics:
        return data_digests.checks(recorded, found)
    from securemnist.supply_chain import data_statistics  # SciPy's statistics take time to import

    return data_statistics.checks(recorded, found)


def _path(context: Context, settings: DataRecordSettings) -> Path:
    if settings.record is not None:
        return context.project / settings.record
    if context.policy is None:
        raise MeasureError(
            "expected `record` to name a record of the data, got none; write one with `securemnist "
            "data record`"
        )
    return Path(context.policy.path).parent / data_record.NAME


DATA_CHANGES = supply_chain.measure(data_changes, DataRecordSettings, seconds=1.0)
