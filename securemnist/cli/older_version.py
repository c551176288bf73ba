"""The older version of a comparison: its assessment, replayed examples, and the conclusion."""

from __future__ import annotations

import subprocess  # nosec B404 # a fixed list, no shell
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import securemnist
from securemnist._util import environment
from securemnist.cli import child
from securemnist.cli.defaults import data_of
from securemnist.cli.job import Job
from securemnist.cli.output import say
from securemnist.comparison import comparability
from securemnist.comparison.comparison import Comparison, compare
from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec
from securemnist.results.assessment import Assessment
from securemnist.results.json_model import table
from securemnist.results.verdicts import ON_CHANGE

if TYPE_CHECKING:
    from securemnist.models.loading import Subject

_NOT_REPLAYED = (
    "no stored example is tried on both models, since one comes from a fixture; name it by --model"
)


def is_file(version: str) -> bool:
    """Whether OLD or NEW is an assessment file; otherwise it is a model."""
    return version.endswith(".json")


def find(version: str, words: Sequence[str], folder: Path) -> Assessment:
    """The assessment of OLD or NEW: read from a file, or made in `folder` with options of `assess`.

    `folder` is this run's own, so that nothing of another run is read. UsageError if another version
    of securemnist wrote the file.
    """
    if not is_file(version):
        return assess(version, words, folder)
    assessment = Assessment.load(Path(version))
    writer = table(assessment.environment.get("packages")).get("securemnist")
    if writer != securemnist.__version__:
        raise UsageError(
            f"{version}: expected an assessment by securemnist {securemnist.__version__}, got "
            f"{writer or 'none recorded':.40}; assess that model again with this version"
        )
    if (source := assessment.environment.get("source")) and source != environment.source():
        raise UsageError(
            f"{version}: expected an assessment by this copy of securemnist, got one by another commit "
            f"of {writer} (source {source!s:.12}); assess that model again with this copy"
        )
    return assessment


def prepare(
    job: Job, against: str, folder: Path, *, same_model: bool
) -> tuple[Assessment, Callable[[Assessment, Path], Comparison | None]]:
    """The older version, assessed in `folder` unless `against` is a file, and a comparison with it.

    The comparison takes the assessment of the new version and its folder; it is None if no row was
    measured. A job that cannot be run, and versions that cannot be compared, are refused before
    anything is measured. The model of a fixture is not known yet: for it the comparison itself refuses.
    """
    from securemnist.cli import worker

    worker.check_rows(job)
    subject = worker.try_out(job, worker.check_inputs(job))
    if subject and not is_file(against):
        spec = InputSpec.from_json(subject["data"].get("spec"))
        old_subject = worker.resolved(against, job, spec).to_json()
        comparability.refuse_subjects(
            {**old_subject, "data": subject["data"]}, subject, same_model=same_model
        )
    old = find(against, _words(job), folder)
    if subject:
        comparability.refuse_subjects(old.subject, subject, same_model=same_model)

    def compare_with(new: Assessment, new_folder: Path) -> Comparison | None:
        if not new.subject.get("digest"):
            return None
        before = old
        if is_file(against):
            pass  # an assessment holds no model
        elif job.spec is None:
            say(_NOT_REPLAYED, err=True)
        else:
            form = InputSpec.from_json(old.subject["data"].get("spec"))
            models = [worker.resolved(version, job, form) for version in (against, job.spec)]
            sides = (models[0], old, folder), (models[1], new, new_folder)
            before, new = replay_on_both(sides, data_of(job.data), job.device)
        return compare(before, new, same_model=same_model)

    return old, compare_with


def _words(job: Job) -> list[str]:
    """The options of `assess` that measure another model as this job does."""
    names = ("policy", "tier", "data", "device", "defence")
    words = [f"--{name}={value}" for name in names if (value := getattr(job, name))]
    words += [*(f"--replay={name}" for name in job.replay), *(f"--row={row}" for row in job.rows)]
    return [*words, *(("-m", job.markers) if job.markers else ()), *job.suites]


def assess(spec: str, words: Sequence[str], folder: Path) -> Assessment:
    """Assess a model in a child process; `words` are options of `securemnist assess`."""
    say(f"assessing {spec}", err=True)
    # The step summary is for the new version's run only.
    env = {k: v for k, v in child.environment().items() if k != "GITHUB_STEP_SUMMARY"}
    written = folder / "assessment.json"
    with child.lifeline() as alive:
        options = ("--out", str(folder), f"--one-of-two={alive}")
        command = child.command("assess", "--model", spec, *words, *options)
        done = subprocess.run(  # nosec B603 # a list, no shell
            command, env=env, check=False, pass_fds=[alive]
        )
    if not written.is_file():
        raise UsageError(
            "expected an assessment.json or a model (NAME, pkg.module:factory, FILE.safetensors, "
            f"ARCH@FILE, FILE.onnx, FILE.keras), got {spec!r}, whose assessment ended with exit code "
            f"{done.returncode}; read its message above"
        )
    return Assessment.load(written)


def replay_on_both(
    sides: Sequence[tuple[str | Subject, Assessment, Path]], data: str | None, device: str
) -> list[Assessment]:
    """Both assessments, after trying the adversarial examples of either model on both.

    `sides`: the model, its assessment and the folder of it, per version. Replay on one version alone
    would favour the other.
    """
    from securemnist.api import comparison
    from securemnist.data import DataSet
    from securemnist.evaluation import example_store

    measured = DataSet.load(data)
    replay = example_store.load([folder for _, _, folder in sides], measured)
    say(f"replaying {len(replay):,} stored adversarial examples on both", err=True)
    pairs = [(spec, assessment) for spec, assessment, _ in sides]
    return comparison.replay_on_both(pairs, replay, measured, device)


def print_unchecked_bounds(assessment: Assessment) -> None:
    """Print the rows whose limits on change (`max_drop`, ...) were not checked in this run."""
    rows = [finding.requirement for finding in assessment.findings_in_scope]
    names = [row.id for row in rows if any(getattr(row, key) is not None for key in ON_CHANGE)]
    if not names:
        return
    some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    which = f"all {len(rows)} rows" if len(names) == len(rows) > 1 else some
    say(f"limits on change not checked: {which}; pass the older version with --against")


def keep(measured: Path, out: Path) -> None:
    """Publish what was assessed in the folders of `measured` under the same names in `out`."""
    from securemnist import report
    from securemnist.report import folder, manifest

    with report.writing(out):
        for each in sorted(measured.iterdir()):
            folder.publish(out / each.name, manifest.owned(each))


def conclude(comparison: Comparison, measured: Path, out: Path) -> int:
    """Write the comparison beside both reports (`keep`), and print it; returns its exit code."""
    from securemnist import report
    from securemnist.comparison import files
    from securemnist.comparison.terminal import print_comparison
    from securemnist.report.swap import alone
    from securemnist.view.progress import console

    with report.writing(out), alone(out):  # page and reports are of one run
        keep(measured, out)
        files.write(comparison, out)
    print_comparison(comparison, console())
    say(f"comparison: {out / 'compare.html'}")
    return comparison.exit_code
