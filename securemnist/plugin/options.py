"""The command-line options of the plugin (all begin with --security-), and the policy they select."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import UsageError
from securemnist.project.folders import find_policy
from securemnist.results.verdicts import TIERS


def _nonempty(value: str) -> str:
    """An option's value; an empty one (an unset shell variable) is refused."""
    if not value:
        raise argparse.ArgumentTypeError(
            "expected a value, got an empty one; give one, or leave out the option"
        )
    return value


def _option(metavar: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": _nonempty, "metavar": metavar, "default": None, "help": text} | more


_OPTIONS: dict[str, dict[str, Any]] = {
    "--security-model": _option("SPEC", "the model: NAME, pkg.module:factory, or a weight file"),
    "--security-defence": _option("NAME[:KEY=VALUE,...]", "a defence put before the model"),
    "--security-policy": _option("FILE", "the policy (default: security_tests/thresholds.toml)"),
    "--security-tier": {
        "choices": TIERS,
        "default": None,
        "help": "rows up to this tier run (default: standard)",
    },
    "--security-report": _option("DIR", "write index.html, assessment.json, summary.md there"),
    "--security-data": _option("PATH", "data to use instead of the bundled MNIST"),
    "--security-replay": _option(
        "DIR",
        "report folder whose adversarial examples are tried first; may be repeated",
        action="append",
        default=[],
    ),
    "--security-until-decided": {
        "action": "store_true",
        "default": False,
        "help": "an attack ends as soon as its row's verdict is certain",
    },
    "--security-device": _option("NAME", "cpu (default) or cuda", default="cpu"),
}


def add(parser: pytest.Parser) -> None:
    """Declare the options to pytest."""
    group = parser.getgroup("security", "securemnist")
    for name, settings in _OPTIONS.items():
        group.addoption(name, **settings)


def changed(config: pytest.Config) -> list[str]:
    """The security options that differ from their default, wherever they were set."""
    return [
        name for name, option in _OPTIONS.items() if config.getoption(name) != option["default"]
    ]


def on_command_line(config: pytest.Config) -> bool:
    """Whether the command line (not a setting or a variable) has a security option."""
    return any(str(word).startswith("--security-") for word in config.invocation_params.args)


def policy_of(config: pytest.Config, test: Path | None = None) -> Path | None:
    """The policy of a run: --security-policy, or that of the project; None if there is none.

    It is searched from the file of a `test` upwards, else from pytest's path arguments, then in
    pytest's rootdir. UsageError for a folder that cannot be searched.
    """
    option: str | None = config.getoption("--security-policy")
    if option:
        return config.invocation_params.dir / option
    starts = [test.parent] if test is not None else list(_starts(config))
    try:
        return find_policy([*starts, config.rootpath])
    except OSError as error:
        raise UsageError(
            f"{error.filename}: expected a readable folder, got {error.strerror}; fix its permissions"
        ) from error


def _starts(config: pytest.Config) -> Iterator[Path]:
    """The folders of pytest's path arguments."""
    for argument in config.args:
        path = config.invocation_params.dir / str(argument).partition("::")[0]
        yield path if path.is_dir() else path.parent
