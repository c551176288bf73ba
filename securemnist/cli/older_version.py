"""The older version of a comparison: its assessment, replayed examples, and the conclusion."""

from __future__ import annotations

import subprocess  # nosec B404 # a fixed list, no shell
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import securemnist
from securemnist.cli import child
from securemnist.cli.output import say
from securemnist.comparison import comparability
from securemnist.comparison.comparison import Comparison, compare
from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec
from securemnist.results.assessment import Assessment

_NAMES = (
    "an assessment.json or a model (NAME, pkg.module:factory, FILE.safetensors, ARCH@FILE, FILE.onnx, "
    "FILE.keras)"
)


def is_file(named: str) -> bool:
    """Whether OLD or NEW is an assessment file; otherwise it is a model."""
    return named.endswith(".json")


def load(named: str) -> Assessment:
    """The assessment in a file; UsageError if another version of securemnist wrote it."""
    made = Assessment.load(Path(named))
    packages = made.environment.get("packages")
    version = packages.get("securemnist") if isinstance(packages, dict) else None
    if version != securemnist.__version__:
        raise UsageError(
            f"{named}: expected an assessment by securemnist {securemnist.__version__}, got "
            f"{version or 'none recorded':.40}; assess that model again with this version"
        )
    return made


def find(named: str, words: Sequence[str], folder: Path) -> Assessment:
    """The assessment of OLD or NEW: read from a file, or made in `folder` with options of `assess`."""
    return load(named) if is_file(named) else assess(named, words, folder)


@dataclass(frozen=True)
class Where:
    """Data and device of a measurement: a path (None: bundled MNIST), cpu or cuda."""

    data: str | None
    device: str


@dataclass(frozen=True)
class Older:
    """The older version named by --against, and the inputs of a comparison with it.

    `folder`: where its assessment was written. `new`: SPEC of the new version, None for a fixture's
    model.
    """

    named: str
    assessment: Assessment
    folder: Path
    new: str | None
    where: Where
    same_model: bool

    def compare(self, made: Assessment, made_in: Path) -> Comparison | None:
        """The comparison with the assessment in `made_in`; None if no row of that was measured."""
        if not made.subject.get("digest"):
            return None
        old = self.assessment
        if self.new is not None and not is_file(self.named):
            sides = (self.named, old, self.folder), (self.new, made, made_in)
            old, made = replay_on_both(sides, self.where.data, self.where.device)
        return compare(old, made, same_model=self.same_model)


def check_specs(against: str, tried: Mapping[str, Any], where: Where, *, same_model: bool) -> None:
    """UsageError, before the older version is assessed, if both SPECs are the same model."""
    if is_file(against) or not tried:
        return
    from securemnist.models import loading

    spec = InputSpec.from_json(tried["data"].get("spec"))
    old = loading.resolve(against, device=where.device, input_spec=spec)
    comparability.refuse_subjects(
        {**old.to_json(), "data": tried["data"]}, tried, same_model=same_model
    )


def check_subjects(old: Assessment | None, tried: Mapping[str, Any], *, same_model: bool) -> None:
    """UsageError, before anything is measured, if the two versions cannot be compared.

    `tried` is empty for a fixture's model: then the comparison itself refuses.
    """
    if old is not None and tried:
        comparability.refuse_subjects(old.subject, tried, same_model=same_model)


def assess(spec: str, words: Sequence[str], folder: Path) -> Assessment:
    """Assess a model in a child process; `words` are options of `securemnist assess`."""
    say(f"assessing {spec}", err=True)
    command = child.command("assess", "--model", spec, *words, "--out", str(folder))
    # The step summary is for the new version's run only.
    env = {k: v for k, v in child.environment().items() if k != "GITHUB_STEP_SUMMARY"}
    written = folder / "assessment.json"
    written.unlink(missing_ok=True)  # the file of an earlier run must not be read
    done = subprocess.run(command, env=env, check=False)  # nosec B603 # a list, no shell
    if not written.is_file():
        raise UsageError(
            f"expected {_NAMES}, got {spec!r}, whose assessment ended with exit code "
            f"{done.returncode}; read its message above"
        )
    return Assessment.load(written)


def replay_on_both(
    sides: Sequence[tuple[str, Assessment, Path]], data: str | None, device: str
) -> list[Assessment]:
    """Both assessments, after trying the adversarial examples of either model on both.

    `sides`: SPEC, assessment and its folder, per version. Replay on one version alone would favour the
    other.
    """
    from securemnist.api import comparison
    from securemnist.data import DataSet
    from securemnist.evaluation import example_store

    measured = DataSet.load(data)
    replay = example_store.load([folder for _, _, folder in sides], measured)
    say(f"replaying {len(replay):,} stored adversarial examples on both", err=True)
    pairs = [(spec, made) for spec, made, _ in sides]
    return comparison.replay_on_both(pairs, replay, measured, device)


def tell_of_bounds(made: Assessment) -> None:
    """Print the rows whose limits on change (`max_drop`, ...) were not checked in this run."""
    keys = ("max_drop", "max_relative_drop", "max_newly_broken")
    asked = [f.requirement for f in made.findings if f.in_scope]
    names = [row.id for row in asked if any(getattr(row, key) is not None for key in keys)]
    if names:
        say(
            f"not compared: {', '.join(names)[:200]} also limit the change; pass the older version "
            "with --against"
        )


def conclude(made: Comparison, out: Path) -> int:
    """Write the comparison to `out` and print it; returns its exit code."""
    from securemnist.comparison import files
    from securemnist.comparison.terminal import print_comparison
    from securemnist.view.progress import console

    files.write(made, out)
    print_comparison(made, console())
    say(f"comparison: {out / 'compare.html'}")
    return made.exit_code
