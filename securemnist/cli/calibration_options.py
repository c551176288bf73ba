"""The options of `init` that calibrate the doubts on data other than MNIST."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from securemnist.cli.output import say, write_file
from securemnist.errors import UsageError

if TYPE_CHECKING:
    from securemnist.data import DataSet
    from securemnist.evaluation.calibration import Calibration
    from securemnist.models.loading import Subject

MINUTES = 10


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """Whether a calibration is `wanted`, its time, and the SPECs of the user's own honest networks."""

    wanted: bool = False
    minutes: float = MINUTES
    specs: tuple[str, ...] = ()

    def check(self, here: Path) -> None:
        """UsageError where the project has a calibration already."""
        from securemnist.evaluation.calibration import FILE

        if self.wanted and (here / FILE).exists():
            raise UsageError(f"{FILE}: expected no calibration yet, got one; remove it first")

    def write(self, here: Path, subject: Subject, data: DataSet) -> None:
        """Calibrate, where that is wanted, and write the file; UsageError or DataError otherwise."""
        if not self.wanted:
            return
        from securemnist import calibration
        from securemnist.evaluation.calibration import FILE
        from securemnist.models import loading
        from securemnist.view.progress import shown

        seconds = 60 * self.minutes
        calibration.check_data(data)
        say(f"calibrating the doubts on {data.name}, in at most {self.minutes:g} minutes", err=True)
        with shown(progress=True) as display:
            if self.specs:
                references: tuple[Subject, ...] = tuple(
                    loading.resolve(
                        spec, device=subject.device, input_spec=data.spec, samples=data.test
                    )
                    for spec in self.specs
                )
            else:
                references = calibration.trained(data, seconds=seconds / 2, progress=display)
                seconds /= 2
            if any(reference.digest == subject.digest for reference in references):
                raise UsageError(
                    "expected honest networks other than the model, which would excuse itself, got "
                    f"{subject.name}; name another"
                )
            found = calibration.calibrate(references, data, seconds=seconds, progress=display)
        write_file(here, FILE, found.dumps(), "change the folder's permissions")
        say(f"{FILE}: written")
        _say_result(found)


def _say_result(found: Calibration) -> None:
    """Which doubts are calibrated, which are not, and on which networks."""
    from securemnist.calibration.measured import DOUBTS
    from securemnist.evaluation.calibration import FILE

    for reference in found.references:
        say(f"honest: {reference.name}, accuracy {reference.accuracy:.4f}, {reference.threat}")
    for name in DOUBTS:
        factor = found.factors.get(name)
        words = "uncalibrated: no limit separates honest networks from impostors"
        if name in found.untried:
            words = "uncalibrated: the time was over before its impostors were tried"
        words = words if factor is None else f"limits of MNIST times {factor:g}"
        say(f"{name}: {words}")
    if found.untried:
        say(
            f"the time was over: {FILE} has what was measured; for the rest, remove it and raise "
            "--calibrate-minutes"
        )


def calibration_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that adds the options; the command gets them as `calibration`."""

    @click.option(
        "--calibrate",
        is_flag=True,
        help="Calibrate the doubts on your data, by two networks trained on its training images.",
    )
    @click.option(
        "--calibrate-minutes",
        type=click.FloatRange(min=0.1, max=1440),
        default=MINUTES,
        show_default=True,
        help="Most minutes that a calibration takes.",
    )
    @click.option(
        "--calibrate-with",
        nargs=2,
        metavar="SPEC SPEC",
        help="Calibrate by two honest networks of yours instead of new ones.",
    )
    @functools.wraps(command)
    def wrapped(
        *,
        calibrate: bool,
        calibrate_minutes: float,
        calibrate_with: tuple[str, str] | None,
        **options: Any,
    ) -> Any:
        chosen = CalibrationOptions(
            wanted=calibrate or bool(calibrate_with),
            minutes=calibrate_minutes,
            specs=calibrate_with or (),
        )
        return command(**options, calibration=chosen)

    return wrapped
