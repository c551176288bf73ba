"""`securemnist measure`: one measurement, without a policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from securemnist.cli.output import say
from securemnist.errors import UNDECIDED, UsageError


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
    from securemnist import measures
    from securemnist.api.measurement import measure as measure_model
    from securemnist.measures import static_gate
    from securemnist.project import settings as projects
    from securemnist.runtime.malloc import keep_freed_memory

    settings = _settings(threat, attack, digits, others)
    bound = measures.bind(measure_name, settings)
    project = projects.load(Path.cwd())
    of_code = isinstance(bound, static_gate.StaticSettings)
    spec = _model(model, demo=demo) or _project_model(project, needed=not of_code)
    folder = data or (Path(project.data) if project.data else None)
    keep_freed_memory()
    measured = measure_model(measure_name, spec, folder, seed=seed, device=device, **settings)
    if target is not None:
        _write(target, {**measured.to_json(), "model": spec})
    if subject := measured.subject:
        say(f"{subject['name']} ({subject['digest'][:12]}) on {measured.data['name']}", err=True)
    if measured.unit == "share":
        say(
            f"{measure_name} {measured.value:.4f} on {measured.n:,} digits "
            f"(95 % for new ones {measured.low:.4f}-{measured.high:.4f}; "
            f"{measured.seconds:.1f} s, seed {seed})"
        )
    else:
        say(f"{measure_name} {measured.value:g} {measured.unit}")
    if measured.sensitivity:
        say(measured.sensitivity)
    for doubt in measured.doubts:
        say(f"doubt: {doubt.name}: {doubt.reason}; {doubt.advice}")
    if measured.inconclusive:
        say(f"inconclusive: {measured.inconclusive}", err=True)
        ctx.exit(UNDECIDED)


def _settings(
    threat: str | None, attack: str | None, digits: int | None, others: tuple[str, ...]
) -> dict[str, Any]:
    """The settings of the measure, from options."""
    from securemnist.api.inputs import as_settings
    from securemnist.evaluation.ladders import parse_setting

    settings = as_settings(threat, attack, {})
    if digits is not None:
        settings["digits"] = digits
    for pair in others:
        settings |= parse_setting(pair)
    return settings


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
