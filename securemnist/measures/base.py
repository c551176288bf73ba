"""Base classes of measures: settings that a row binds, and the Measure that uses them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from securemnist._util.strict import Strict
from securemnist.defences import make_defence
from securemnist.defences.ensemble import Ensemble
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.evaluation.doubts.batch_dependence import TOGETHER
from securemnist.evaluation.doubts.changed_images import changed_doubts
from securemnist.evaluation.pace import Pace
from securemnist.input_spec import MOST_CLASSES
from securemnist.measures.inputs import other_model
from securemnist.results.families import Family
from securemnist.results.findings import Measurement
from securemnist.results.intervals import share_interval
from securemnist.threats import Threat
from securemnist.types import Images, Logits

_QUICK = 10.0  # seconds of a measure that has no estimate
# Accuracy of guessing among the most classes that data may have; `check_data` knows their number.
LEAST_CHANCE = 1 / MOST_CLASSES


@contextlib.contextmanager
def as_value_error() -> Iterator[None]:
    """UsageError of the block as the ValueError that a check of settings has to raise."""
    try:
        yield
    except UsageError as error:
        raise ValueError(str(error)) from error


def made_by(make: Callable[[Any], Any]) -> AfterValidator:
    """The check of a setting from which `make` makes something: its UsageError is a ValueError."""

    def check(value: Any) -> Any:
        with as_value_error():
            make(value)
        return value

    return AfterValidator(check)


def _at_least_one(images: int) -> int:
    if images < 1:
        raise ValueError(f"expected at least 1 image, got {images}")
    return images


ImageCount = Annotated[int, AfterValidator(_at_least_one)]


class Settings(Strict):
    """Base class of every measure's settings: strict types, no unknown key."""

    @property
    def within(self) -> tuple[Threat, ...]:
        """The threats that the measure attacks or certifies within."""
        return ()

    def inputs(self, context: Context) -> dict[str, str]:
        """SHA-256 of each file, data set and model that the settings name, by its name.

        Only of what the number is measured against. What the row judges belongs to the version.
        """
        return {}


class ImageSettings(Settings):
    """Settings of a measure on `images` test images; None: the whole test set.

    `defence`: one that is put before the model, as a table like {use = "jpeg", quality = 50}.
    """

    images: ImageCount | None = None
    defence: Annotated[dict[str, Any], made_by(make_defence)] | None = None

    def inputs(self, context: Context) -> dict[str, str]:
        """The weights of the other models of an ensemble."""
        defence = None if self.defence is None else make_defence(self.defence)
        names = defence.names if isinstance(defence, Ensemble) else ()
        return {name: other_model(context, name).digest for name in names}

    def expected_images(self, pace: Pace) -> int:
        """Number of images, for a time estimate."""
        return self.images or pace.test_images


class AnswerSettings(ImageSettings):
    """Settings of a measure of predictions. `randomised`: predictions are random on purpose.

    They may then vary from one call to the next, and the interval decides for the whole test set,
    too.
    """

    randomised: bool = False

    @property
    def answers_an_image(self) -> int:
        """Questions to the model about each image, at most."""
        return 1

    @property
    def further_answers(self) -> int:
        """Questions to the model about other images, at most."""
        return 0


@dataclass(frozen=True)
class Measure:
    """A measure: its function, its settings, its family (a section of the report, a pytest marker).

    `run(context, settings, seed)` returns a Measurement. `estimate(settings, pace)` returns seconds.
    `good` is the direction of thresholds: `at_least` where more is better, else `at_most`. `limits`
    is the range of a threshold; one at the easy end could not fail. `search`: it searches for
    adversarial examples, and stored examples can be added to the search. `weights`: it needs the
    network itself, and not only its answers. `of_project`: it reads files of the project alone, so that
    it needs no model, and its context is a ProjectContext.
    """

    run: Callable[[Context, Any, int], Measurement]
    settings: type[Settings]
    family: Family
    estimate: Callable[[Any, Pace], float] = lambda *_: _QUICK
    good: Literal["at_least", "at_most"] = "at_least"
    limits: tuple[float, float] = (LEAST_CHANCE, 1.0)
    unit: Literal["share", "ratio", "count"] = "share"
    search: bool = False
    weights: bool = False
    of_project: bool = False


def bad_share(
    run: Any, settings: type[Settings], family: Family, estimate: Any, *, weights: bool = False
) -> Measure:
    """A measure of a share in [0, 1] of which less is better."""
    limits = (0.0, 1.0)
    return Measure(run, settings, family, estimate, "at_most", limits, weights=weights)


def counting(
    family: Family,
    run: Any,
    settings: type[Settings],
    *,
    seconds: float,
    most: float = 1e4,
    of_project: bool = False,
) -> Measure:
    """A measure that counts what is wrong, in about `seconds`; a threshold of `most` cannot fail."""
    return Measure(
        *(run, settings, family, lambda *_: seconds),
        good="at_most",
        limits=(0.0, most),
        unit="count",
        of_project=of_project,
    )


def answer_seconds(settings: AnswerSettings, pace: Pace, *, beside: float = 0.0) -> float:
    """Seconds of all answers of a row, and of what each takes `beside` the model's forward pass."""
    answers = settings.expected_images(pace) * settings.answers_an_image + settings.further_answers
    return answers * (pace.seconds / 2 + beside)


def unreliable_reason(
    context: Context,
    settings: AnswerSettings,
    changed: Images | None = None,
    counted: Logits | None = None,
) -> str:
    """Why predictions depend on the draw or on the batch; empty where they do not.

    `changed` (n, C, H, W): images that the row asked about beside the clean ones, such as those with a
    trigger; `counted` (n, K): the logits that it has used. They are looked at where nothing is wrong with
    the clean ones.
    """
    doubts = prediction_doubts(context, randomised=settings.randomised)
    if not doubts and changed is not None:
        clean = context.sample(min(TOGETHER, len(context.data.test)), 0).x
        doubts = changed_doubts(context, changed, clean, counted, randomised=settings.randomised)
    return "; ".join(f"{doubt.name}, {doubt.reason}" for doubt in doubts)


def interval_measurement(
    value: float, interval: tuple[float, float], n: int, **more: Any
) -> Measurement:
    """Measurement of a value on `n` samples with its 95 % interval; seed and seconds are set later."""
    low, high = interval
    later: dict[str, Any] = {"seed": 0, "seconds": 0.0}
    return Measurement(value=value, low=low, high=high, n=n, **later | more)


def share_measurement(
    hits: int, n: int, *, complete: bool, proved: int | None = None, **more: Any
) -> Measurement:
    """Measurement of the share hits / n, with its exact 95 % interval (Clopper & Pearson).

    `proved`: the number of certified images; it decides by the lower bound of its share, too.
    """
    if proved is not None:
        certified_low = proved / n if complete else share_interval(proved, n)[0]
        more |= {"certified": proved / n, "certified_low": certified_low}
    return interval_measurement(hits / n, share_interval(hits, n), n, complete=complete, **more)


def count_measurement(count: int, n: int, **more: Any) -> Measurement:
    """Measurement of an exact count among `n` that were looked at."""
    exact = float(count)
    return interval_measurement(exact, (exact, exact), n, complete=True, unit="count", **more)
