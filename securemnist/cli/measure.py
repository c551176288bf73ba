"""`securemnist measure`: one measurement, without a policy."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import click

from securemnist.cli.output import say
from securemnist.errors import UNDECIDED, MeasureError, NotApplicable, SecureMnistError, UsageError


@click.command()
@click.argument("measure_name", metavar="MEASURE")
@click.option(
    "--model", metavar="SPEC", help="NAME, pkg.module:factory, FILE.safetensors, ARCH@FILE."
)
@click.option("--demo", is_flag=True, help="Measure the bundled model `certified`.")
@click.option("--threat", metavar="NORM:EPS", help="For example linf:0.3; eps in [0, 1] pixels.")
@click.option("--attack", metavar="NAME[:KEY=VALUE,...]", help="For example PGD:steps=40.")
@click.option("--digits", type=int, help="Test digits to measure; default: all.")
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another setting of the measure, as TOML.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--data", type=click.Path(path_type=Path), help="IDX files instead of the bundled MNIST."
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measurement to this file."
)
@click.pass_context
def measure(
    ctx: click.Context,
    measure_name: str,
    model: str | None,
    demo: bool,
    threat: str | None,
    attack: str | None,
    digits: int | None,
    others: tuple[str, ...],
    seed: int,
    data: Path | None,
    device: str,
    target: Path | None,
) -> None:
    """Take one measurement of MEASURE and print it.

    Exit codes: 0 measured, 2 usage error, 3 it could not be measured.
    """
    settings = _settings(threat, attack, digits, others)
    record: dict[str, Any] = {"measure": measure_name, "settings": settings}
    measurement = _take(record, _model(model, demo=demo), seed, data, device)
    record |= measurement.to_json()
    if target is not None:
        _write(target, record)
    if subject := record["subject"]:
        say(f"{subject['name']} ({subject['digest'][:12]}) on {record['data']}", err=True)
    if measurement.unit == "share":
        say(
            f"{measure_name} {measurement.value:.4f} on {measurement.n:,} digits "
            f"(95 % for new ones {measurement.low:.4f}-{measurement.high:.4f}; "
            f"{measurement.seconds:.1f} s, seed {seed})"
        )
    else:
        say(f"{measure_name} {measurement.value:g} {measurement.unit}")
    if measurement.sensitivity:
        say(measurement.sensitivity)
    for doubt in measurement.doubts:
        say(f"doubt: {doubt.name}: {doubt.reason}; {doubt.advice}")
    if measurement.inconclusive:
        say(f"inconclusive: {measurement.inconclusive}", err=True)
        ctx.exit(UNDECIDED)


def _settings(
    threat: str | None, attack: str | None, digits: int | None, others: tuple[str, ...]
) -> dict[str, Any]:
    """The settings of the measure, from options."""
    from securemnist.threats import parse_threat

    settings: dict[str, Any] = {}
    if threat is not None:
        settings["threat"] = parse_threat(threat).to_json()
    if attack is not None:
        settings["attack"] = _parse_attack(attack)
    if digits is not None:
        settings["digits"] = digits
    for pair in others:
        settings |= _pair(pair)
    return settings


def _parse_attack(text: str) -> dict[str, Any]:
    """`PGD:steps=40,restarts=2` -> {use, steps, restarts}; `art:DeepFool:max_iter=20` too."""
    head, _, tail = text.rpartition(":") if "=" in text else (text, "", "")
    settings: dict[str, Any] = {"use": head}
    for pair in filter(None, tail.split(",")):
        settings |= _pair(pair)
    return settings


def _pair(text: str) -> dict[str, Any]:
    """KEY=VALUE with a TOML value; a value without quotes that is no TOML is a string."""
    key, sign, value = text.partition("=")
    if not sign or not key.isidentifier():
        raise UsageError(f"expected KEY=VALUE, got {text!r}; fix it")
    try:
        return {key: tomllib.loads(f"value = {value}")["value"]}
    except tomllib.TOMLDecodeError:
        return {key: value}


def _take(
    record: dict[str, Any], model: str | None, seed: int, data: Path | None, device: str
) -> Any:
    """The measurement, with a progress bar."""
    from securemnist.cli.display import progress_bar
    from securemnist.measures import bind, static_gate, take_measurement
    from securemnist.plugin.project import current_project
    from securemnist.project import settings as projects
    from securemnist.runtime.malloc import keep_freed_memory

    bound = bind(record["measure"], record["settings"])
    project = projects.load(Path.cwd())
    root = current_project(Path.cwd())
    of_code = isinstance(bound, static_gate.StaticSettings)
    record["model"] = model or _project_model(project, needed=not of_code)
    keep_freed_memory()
    with progress_bar() as progress:
        try:
            if isinstance(bound, static_gate.StaticSettings) and record["model"] is None:
                record |= {"subject": None, "data": None}
                return static_gate.scan_folder(root, bound, seed, progress)
            folder = data or (Path(project.data) if project.data else None)
            context = _lab(record, folder, device, progress, root)
            return take_measurement(context, record["measure"], bound, seed)
        except NotApplicable as error:
            raise MeasureError(f"it could not be measured: {error}") from error
        except SecureMnistError:
            raise
        except Exception as error:
            raise MeasureError(f"the measurement raised {type(error).__name__}: {error}") from error


def _lab(
    record: dict[str, Any], data: Path | None, device: str, progress: Any, project: Path
) -> Any:
    """The model and the data, which are also written to `record`."""
    from securemnist import data as data_sets
    from securemnist.evaluation.context import Context
    from securemnist.models import loading

    subject = loading.resolve(record["model"], device=device)
    context = Context(subject, data_sets.load(data), progress, project=project)
    record |= {"subject": subject.to_json(), "data": context.data.name}
    return context


def _model(named: str | None, *, demo: bool) -> str | None:
    """--model, or the bundled model for --demo; None means the project's model."""
    if not demo:
        return named
    if named is not None:
        raise UsageError(f"expected --model or --demo, got both ({named!r}); leave one of them out")
    from securemnist.project.settings import DEFAULT_MODEL

    return DEFAULT_MODEL


def _project_model(project: Any, *, needed: bool) -> str | None:
    """The SPEC of the project in this folder; in the checkout of securemnist the bundled model's.

    None where there is none and none is `needed`: static rows need no model.
    """
    from securemnist._util import resources

    spec: str | None = project.model_for(resources.POLICY, Path.cwd())
    if spec is None and needed:
        raise UsageError(
            "expected a model, got none (fixtures are used by pytest and `assess` only); pass --model "
            "SPEC, set model = SPEC in [tool.securemnist], or pass --demo for the bundled model"
        )
    return spec


def _write(target: Path, record: dict[str, Any]) -> None:
    from securemnist._util.resources import write_atomically

    try:
        write_atomically(target, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror}); name another") from error
