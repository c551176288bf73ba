"""`python -m benchmarks.models` writes docs/models.md: accuracy of the reference models, per class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist import assessing, data
from securemnist._util.resources import WEIGHTS, write_atomically
from securemnist.evaluation.context import Context
from securemnist.evaluation.outcomes import per_class
from securemnist.models import loading
from securemnist.models.weight_file import read_manifest
from securemnist.results.findings import Measurement
from securemnist.view.progress import progress_bar

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
IMAGES = 1_000
# The second confusion matrix is at eps 0.1: at 0.3 an undefended network has accuracy 0.
SEARCH = {"use": "PGD", "steps": 20}
_HEAD = f"""# Reference models

Written by `nox -s references`. Clean accuracy is on all 10,000 test samples, accuracy under attack on
{IMAGES:,} of them. The last column is the success rate of a backdoor trigger on 10,000: a white 4x4
square, bottom right, target 7. A red control is a model that a suite must refuse. Every report plots
the accuracy of these models over eps.

| model | description | network | clean | worst class | FGSM .2 | PGD-20 .1 | PGD-20 .3 | trigger |
|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """The measurements of one model."""

    subject: loading.Subject
    clean: Measurement
    worst: Measurement
    one_step: Measurement
    mild: Measurement
    strong: Measurement
    trigger: Measurement

    def __str__(self) -> str:
        role = self.subject.to_json()
        about = f"{'**red control**: ' if role['red_control'] else ''}{role['about']}"
        columns = (self.clean, self.worst, self.one_step, self.mild, self.strong, self.trigger)
        cells = " | ".join(f"{measurement.value:.2%}" for measurement in columns)
        name = f"`{self.subject.name}`"
        return f"| {name} | {about} | {self.subject.architecture} | {cells} |"

    def matrices(self) -> list[str]:
        """Both confusion matrices side by side: rows true class, columns predicted class."""
        clean, attacked = (taken.evidence.confusion for taken in (self.clean, self.mild))
        digest = read_manifest(WEIGHTS / f"{self.subject.name}.safetensors")["sha256"]
        names = "".join(f"{k:>6}" for k in range(10))
        lines = [
            f"## `{self.subject.name}`",
            "",
            f"SHA-256 of the weights `{digest}`.",
            "",
            "```",
            f"clean, 10,000 images{'':<55}PGD-20, linf 0.1, {IMAGES:,} images",
            f"  {names}   right    {names}   right",
        ]
        sides = zip(clean, per_class(clean), attacked, per_class(attacked), strict=True)
        for k, (left, left_right, right, right_right) in enumerate(sides):
            both = f"{k} {_counts(left)} {_share(left_right)}    {_counts(right)} {_share(right_right)}"
            lines.append(both)
        return [*lines, "```", ""]


def _counts(row: list[int]) -> str:
    return "".join(f"{count or '.':>6}" for count in row)


def _share(value: float | None) -> str:
    return f"{value:>7.1%}" if value is not None else "       "


def row_of(context: Context) -> Row:
    """All measurements of one model."""

    def measured(measure: str, **settings: Any) -> Measurement:
        return assessing.measure(context, measure, settings)

    def under(eps: float, attack: dict[str, Any]) -> Measurement:
        threat = {"norm": "linf", "eps": eps}
        return measured("attack_accuracy", attack=attack, threat=threat, images=IMAGES)

    return Row(
        context.subject,
        measured("clean_accuracy"),
        measured("worst_class_accuracy"),
        under(0.2, {"use": "FGSM"}),
        under(0.1, SEARCH),
        under(0.3, SEARCH),
        measured("backdoor_success", trigger={"kind": "corner"}, target=7),
    )


def main() -> None:
    """Measure every bundled model and write the page."""
    images, rows = data.load(), []
    with progress_bar() as progress:
        for name in loading.reference_names():
            rows.append(row_of(Context(loading.resolve(name), images, progress=progress)))
            print(rows[-1], flush=True)
    lines = [*map(str, rows), "", *(line for row in rows for line in row.matrices())]
    write_atomically(PAGE, (_HEAD + "\n".join(lines)).encode())


if __name__ == "__main__":
    main()
