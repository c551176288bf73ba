"""The command-line options of the plugin; all begin with --security-."""

from __future__ import annotations

import argparse

import pytest

from securemnist.results.findings import TIERS

_DEFAULTS: dict[str, object] = {
    "--security-model": None,
    "--security-policy": None,
    "--security-tier": None,
    "--security-report": None,
    "--security-data": None,
    "--security-replay": [],
    "--security-until-decided": False,
    "--security-device": "cpu",
}


def add(parser: pytest.Parser) -> None:
    """Declare the options to pytest."""
    add = parser.getgroup("security", "securemnist").addoption
    add(
        "--security-model",
        type=_nonempty,
        metavar="SPEC",
        help="the model: NAME, pkg.module:factory, or a weight file",
    )
    add(
        "--security-policy",
        type=_nonempty,
        metavar="FILE",
        help="the policy (default: security_tests/thresholds.toml)",
    )
    add("--security-tier", choices=TIERS, help="rows up to this tier run (default: standard)")
    add(
        "--security-report",
        type=_nonempty,
        metavar="DIR",
        help="write index.html, assessment.json, summary.md there",
    )
    add(
        "--security-data",
        type=_nonempty,
        metavar="DIR",
        help="IDX files to use instead of the bundled MNIST",
    )
    add(
        "--security-replay",
        type=_nonempty,
        metavar="DIR",
        action="append",
        default=[],
        help="report folder whose adversarial examples are tried first; may be repeated",
    )
    add(
        "--security-until-decided",
        action="store_true",
        help="a search ends as soon as its row's verdict is certain",
    )
    add("--security-device", metavar="NAME", default="cpu", help="cpu (default) or cuda")


def _nonempty(value: str) -> str:
    """An option's value; an empty one (an unset shell variable) is refused."""
    if not value:
        raise argparse.ArgumentTypeError(
            "expected a value, got an empty one; give one, or leave out the option"
        )
    return value


def given(config: pytest.Config) -> list[str]:
    """The security options that differ from their default, wherever they were set."""
    return [name for name, default in _DEFAULTS.items() if config.getoption(name) != default]


def on_command_line(config: pytest.Config) -> bool:
    """Whether the command line (not a setting or a variable) has a security option."""
    return any(str(word).startswith("--security-") for word in config.invocation_params.args)
