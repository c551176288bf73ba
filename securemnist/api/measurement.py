"""`measure`: one measurement of one model, without a policy."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from securemnist import assessing
from securemnist._util.user_code import of_measurement
from securemnist.api.endpoints import print_endpoint
from securemnist.api.inputs import Data, as_data, as_settings
from securemnist.attacks.base import Attack
from securemnist.defences.base import Defence
from securemnist.errors import MeasureError, NotApplicable, SecureMnistError, UsageError
from securemnist.evaluation.context import Context
from securemnist.evaluation.project_context import ProjectContext
from securemnist.measures import bind, find, take_of_project
from securemnist.measures.endpoints import expected_queries
from securemnist.models.borrowing import borrowed
from securemnist.models.loading import Subject
from securemnist.project.folders import current_project
from securemnist.results import measurement as records
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.settings_text import describe
from securemnist.threats import Threat, Union
from securemnist.types import Progress
from securemnist.view import notebook, png
from securemnist.view.class_names import ClassNames
from securemnist.view.numbers import number
from securemnist.view.progress import shown


@dataclass(frozen=True, kw_only=True, repr=False)
class Measurement(records.Measurement):
    """A number with its interval, and what it was measured on.

    `measure` and `settings` are those of a policy row. `subject` and `data`: name and digest of model
    and data, empty for source code. `value`: the point estimate, a share in [0, 1], a ratio or a
    count; `unit`: `share`, `ratio` or `count`. `low` and `high`: the 95 % interval for new samples.
    `n`: how many samples (of a ratio: rounds; of a count: files) were measured. `certified`: the share
    that certificates prove; None where nothing was to be proved. `doubts`: reasons not to trust a
    number that rests on failed attacks; each has an `advice`. `inconclusive`: why the number decides
    nothing in the model's favour; empty where it does. `evidence`: what the measure recorded.
    """

    measure: str
    settings: Mapping[str, Any]
    subject: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> records.Measurement:
        """The measurement as an assessment records it."""
        names = [own.name for own in dataclasses.fields(records.Measurement)]
        return records.Measurement(**{name: getattr(self, name) for name in names})

    def to_json(self) -> dict[str, Any]:
        """The measurement as builtins, as `securemnist measure --json` writes it."""
        record = {"measure": self.measure, "settings": dict(self.settings)}
        return {**record, "subject": dict(self.subject) or None, "data": self.data.get("name")} | (
            self.result.to_json()
        )

    def __repr__(self) -> str:
        interval = f" [{number(self.low, self.unit)}, {number(self.high, self.unit)}]"
        words = f"{self.measure} {number(self.value, self.unit)}"
        words += f"{interval if self.unit != 'count' else ''}, n={self.n:,}"
        if self.doubts:
            words += f", doubts: {', '.join(doubt.name for doubt in self.doubts)}"
        words += ", inconclusive" if self.inconclusive else ""
        return f"<Measurement: {words:.170}>"

    def _repr_html_(self) -> str:
        facts = {
            "settings": describe(self.settings),
            "samples": f"{self.n:,}",
            "model": str(self.subject.get("name", "")),
            "data": str(self.data.get("name", "")),
        }
        for doubt in self.doubts:
            facts[f"doubt: {doubt.name}"] = f"{doubt.reason}; {doubt.advice}"
        facts["inconclusive"] = self.inconclusive
        share = self.unit == "share"
        gallery = self.evidence.gallery if isinstance(self.evidence, AttackEvidence) else None
        names = ClassNames.of({"data": self.data})
        return notebook.card(
            f"{self.measure} {number(self.value, self.unit)}",
            {name: text for name, text in facts.items() if text},
            bar=notebook.Bar(self.value, self.low, self.high) if share else None,
            pictures=[
                (
                    png.image(image.adversarial),
                    names.change(image.label, image.prediction),
                )
                for image in gallery or []
            ],
        )


def measure(
    name: str,
    model: nn.Module | Subject | str | None = None,
    data: Data = None,
    *,
    threat: Threat | Union | Mapping[str, Any] | str | None = None,
    attack: Attack | Mapping[str, Any] | str | None = None,
    defence: Defence | Mapping[str, Any] | str | None = None,
    seed: int = 0,
    device: str | None = None,
    project: Path | str | None = None,
    progress: Progress | bool = True,
    **settings: Any,
) -> Measurement:
    """Take one measurement of a model.

    `name`: a measure, for example "clean_accuracy", "robust_accuracy" or "certified_accuracy". `model`:
    an nn.Module from float32 images (n, C, H, W) in [0, 1] to logits (n, K), left as it was; or a SPEC
    as on the command line. Measures of the project's files, such as "static_findings", need none.
    `data`: a DataSet; (images, labels) as in `DataSet.from_tensors`; a path as in `DataSet.load`; None
    for the bundled MNIST.

    `threat`: Linf(0.3), L2(1.5), or "linf:0.3"; eps is in pixel units. Union(Linf(0.1), L2(1)), or
    "linf:0.1,l2:1", is the worst of several. `attack`: PGD(steps=40), "PGD",
    "PGD:steps=40", "ladder:standard", or a table as in a policy. `defence`: one that is put before the
    model, "jpeg:quality=50" or a Defence. `settings`: any other setting of the measure, such as
    images=1000. `device`: "cpu" or "cuda"; by default where the model is. `project`: the folder whose
    source code is read. `progress`: True, False, or a function.

    UsageError, PolicyError, DataError or ModelError for bad input; MeasureError where nothing could be
    measured. Every error is a SecureMnistError of one sentence.
    """
    asked = as_settings(threat, attack, settings, defence)
    bound = bind(name, asked)
    root = Path(project) if project is not None else current_project(Path.cwd())
    with shown(progress) as display, _as_measure_errors():
        taken = find(name)
        if model is None and taken is not None and taken.of_project:
            context = ProjectContext(project=root, progress=display)
            found = take_of_project(context, taken, bound, seed)
            return Measurement(**vars(found), measure=name, settings=asked)
        if model is None:
            raise UsageError(f"expected a model for {name}, got none; pass an nn.Module or a SPEC")
        measured = as_data(data)
        with borrowed(model, device, measured.spec, measured.test) as subject:
            context = Context(subject, measured, progress=display, project=root)
            if taken is not None:
                print_endpoint(context, progress, expected_queries(taken, bound, context))
            found = assessing.measure(context, name, asked, seed=seed)
            return Measurement(
                **vars(found),
                measure=name,
                settings=asked,
                subject=subject.to_json(),
                data=context.data.to_json(),
            )


@contextlib.contextmanager
def _as_measure_errors() -> Iterator[None]:
    """MeasureError for whatever keeps a measure from being taken, errors of the caller aside."""
    try:
        yield
    except NotApplicable as error:
        raise MeasureError(f"it could not be measured: {error}") from error
    except SecureMnistError:
        raise
    except Exception as error:
        raise MeasureError(of_measurement(error)) from error
