"""`securemnist init`: a policy, a model fixture and a noxfile for a repository."""

from __future__ import annotations

import datetime
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.calibration_options import CalibrationOptions, calibration_options
from securemnist.cli.options import PATH, endpoint_option, images_option, model_or_endpoint
from securemnist.cli.output import check_writable, say, write_file
from securemnist.errors import UsageError

if TYPE_CHECKING:
    from securemnist import initial_policy
    from securemnist.data import DataSet
    from securemnist.models.loading import Subject

_ADVICE = "change the folder's permissions"


@click.command()
@click.option(
    "--model",
    metavar="SPEC",
    help="Your model: pkg.module:factory, a weight file, or https://HOST/v2/models/NAME.",
)
@endpoint_option
@images_option(
    type=click.IntRange(min=50),
    default=1000,
    show_default=True,
    help="Tuning samples to attack in the first measurement.",
)
@click.option("--data", type=PATH, help="Your data instead of MNIST.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@calibration_options
def init(
    model: str | None,
    endpoint: str | None,
    images: int,
    data: Path | None,
    device: str,
    calibration: CalibrationOptions,
) -> None:
    """Write a first policy for your model, with its tests.

    The folder security_tests gets the policy, its tests and a first threat model; a conftest.py and
    a noxfile.py are written beside it. The thresholds come from a first measurement of the model.
    Existing files are not changed, except that --data is appended to a pyproject.toml without
    [tool.securemnist]. In a project with a policy --calibrate writes the calibration only.
    """
    from securemnist import initial_policy
    from securemnist.data import DataSet, inspection
    from securemnist.evaluation.context import Context
    from securemnist.initial_policy import packaging, templates
    from securemnist.measures.announcement import announcement
    from securemnist.project import settings
    from securemnist.runtime.malloc import keep_freed_memory
    from securemnist.view.progress import progress_bar

    if (model := model_or_endpoint(model, endpoint)) is None:
        raise UsageError("expected a model, got none; pass --model SPEC or --endpoint FILE.toml")
    here = Path.cwd()
    exists = (here / templates.POLICY).exists()
    if exists and not calibration.wanted:
        raise UsageError(
            f"{templates.POLICY}: expected no policy yet, got one; edit it, or remove it first"
        )
    calibration.check(here)
    check_writable(Path(templates.POLICY), _ADVICE)
    keep_freed_memory()
    source = data or settings.load(here).data
    data_set = DataSet.load(source)
    subject = _subject(here, model, data_set, device)
    queries = 0 if exists else initial_policy.expected_queries(subject, data_set, images)
    for text in announcement(Context(subject, data_set), queries):
        say(text, err=True)
    # Before minutes for a policy whose rows they leave undecided, or that measures something else.
    for warning in inspection.warnings(data_set):
        say(f"warning: {warning}", err=True)
    if copies := str(data_set.copies):
        say(f"warning: {copies}; more than 1 % leave every rate undecided; remove them", err=True)
    if calibration.wanted and not exists:  # minutes that would be spent for nothing
        initial_policy.check(subject, data_set, images)
    calibration.write(here, subject, data_set)
    if exists:
        return
    held_out = " (train without it: learned samples make thresholds too strict)"
    split = f"tuning split{held_out}" if len(data_set.tuning) else "test split"
    say(f"measuring {subject.name} on the {split}", err=True)
    with progress_bar() as progress:
        rows = initial_policy.measure(subject, data_set, images, progress)
    today = datetime.datetime.now(datetime.UTC).date()
    written = _accepted(rows) | _recorded(rows)
    to_name = None if data is None or _configure_data(here, data) else data
    files = {
        templates.POLICY: initial_policy.policy(rows, model, data_set, today),
        **written,
        templates.SUITE: templates.TESTS,
        templates.REQUIREMENTS: templates.requirements(here),
        templates.CONFTEST: templates.conftest(
            model, data_set.spec, src=templates.in_src(here, model)
        ),
        templates.NOXFILE: templates.noxfile(here, to_name),
        templates.IGNORED: templates.IGNORE,
    }
    existing = [name for name, text in files.items() if not _write(here, name, text)]
    system = initial_policy.KnownSystem(
        served=subject.remote is not None, own_data=source is not None
    )
    _write_threats(here, rows, today, system)
    _print_weak_rows(rows, initial_policy.proposals(data_set, subject))
    if added := packaging.advice(here, model.partition(":")[0].partition(".")[0]):
        say(added)
    _print_next(here, to_name, fixture=templates.CONFTEST not in existing)


def _subject(here: Path, model: str, data_set: DataSet, device: str) -> Subject:
    """The model, whose module may be in `src`."""
    from securemnist.initial_policy import templates
    from securemnist.models import loading

    if templates.in_src(here, model) and (path := str(here / "src")) not in sys.path:
        sys.path.insert(0, path)
    return loading.resolve(model, device=device, input_spec=data_set.spec, samples=data_set.test)


def _print_next(here: Path, data: Path | None, *, fixture: bool) -> None:
    """Print what to run; `data` are named where no setting does; `fixture`: it was written."""
    from securemnist.cli import collection_check
    from securemnist.initial_policy import templates

    if not fixture:
        say(f"first: add the fixture above to {templates.CONFTEST}, if it has none")
    path = "" if data is None else f"data {shlex.quote(str(data))}"
    option, tests = (f" --{path}", f" --security-{path}") if path else ("", "")
    say(f"next: securemnist assess --tier smoke{option}, or pytest -m smoke{tests}")
    if fixture and (advice := collection_check.advice(here)):
        say(advice)


def _write(here: Path, name: str, text: str) -> bool:
    """Write one file; if it exists, print the intended content instead and return False."""
    if (here / name).exists():
        say(f"{name}: exists and was not changed; it should contain:\n\n{text}")
        return False
    write_file(here, name, text.encode(), _ADVICE)
    say(f"{name}: written")
    return True


def _write_threats(
    here: Path,
    rows: list[initial_policy.Row],
    today: datetime.date,
    system: initial_policy.KnownSystem,
) -> None:
    """Write a first threat model where there is none."""
    from securemnist import initial_policy
    from securemnist.initial_policy import templates

    if (here / templates.THREATS).exists():
        say(
            f"{templates.THREATS}: exists and was not changed; `securemnist threats check` checks it"
        )
        return
    text = initial_policy.threat_model(rows, today, system)
    write_file(here, templates.THREATS, text.encode(), _ADVICE)
    say(f"{templates.THREATS}: written")


def _configure_data(here: Path, data: Path) -> bool:
    """Add the data to the project's settings; False where the user has to do it."""
    from securemnist.initial_policy import templates
    from securemnist.project import settings

    if settings.load(here).data == str(data):
        return True
    path = here / "pyproject.toml"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if (changed := templates.with_data(text, str(data))) is None:
        say(f"pyproject.toml: add to [tool.securemnist]: data = {json.dumps(str(data))}")
        return False
    write_file(here, "pyproject.toml", changed.encode(), _ADVICE)
    say(f"pyproject.toml: [tool.securemnist] names the data {data}")
    return True


def _print_weak_rows(
    rows: list[initial_policy.Row], proposed: list[initial_policy.Proposal]
) -> None:
    """Print rows that fail today, rows in doubt, and proposals without a row."""
    from securemnist.measures import MEASURES

    for row in rows:
        if row.bound.problem:
            fails = "may fail" if row.bound.close else "fails"
            say(f"{row.proposal.id} {fails} and is waived: {row.bound.problem}")
        for doubt in row.measurement.doubts:
            say(f"{row.proposal.id} is in doubt: {doubt.name}: {doubt.reason}; {doubt.advice}")
    written = {row.proposal.id for row in rows}
    for proposal in proposed:
        if proposal.id not in written:
            family = MEASURES[proposal.measure].family.name
            say(f"{proposal.id} is left out: it cannot be measured in this project ({family})")


def _recorded(rows: list[initial_policy.Row]) -> dict[str, str]:
    """The record of the data, by name. Empty without a row that compares them."""
    from securemnist import initial_policy

    for row in rows:
        if row.record is not None:
            return {initial_policy.DATA_RECORD: row.record.decode()}
    return {}


def _accepted(rows: list[initial_policy.Row]) -> dict[str, str]:
    """The baseline file of the static row, by name: today's findings. Empty without such a row."""
    from securemnist import initial_policy

    for row in rows:
        if row.baseline is not None:
            content, count = row.baseline
            say(f"{row.proposal.id}: today's {count} findings are accepted; new ones fail")
            return {initial_policy.STATIC_BASELINE: content.decode()}
    return {}
