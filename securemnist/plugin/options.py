"""The options of the plugin; each begins with --security-, so that no other conftest has the same."""

from __future__ import annotations

import argparse

import pytest

from securemnist.results.verdicts import TIERS

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
        type=_named,
        metavar="SPEC",
        help="the model: NAME, pkg.module:factory, a weight file",
    )
    add(
        "--security-policy",
        type=_named,
        metavar="FILE",
        help="the policy (default: security_tests/thresholds.toml)",
    )
    add("--security-tier", choices=TIERS, help="rows up to this tier run (default: standard)")
    add(
        "--security-report",
        type=_named,
        metavar="DIR",
        help="write index.html, assessment.json, summary.md there",
    )
    add(
        "--security-data",
        type=_named,
        metavar="DIR",
        help="IDX files to use instead of the bundled MNIST",
    )
    add(
        "--security-replay",
        type=_named,
        metavar="DIR",
        action="append",
        default=[],
        help="searches begin with the adversarial examples kept there; may be repeated",
    )
    add(
        "--security-until-decided",
        action="store_true",
        help="a search ends as soon as its row's verdict is certain",
    )
    add("--security-device", metavar="NAME", default="cpu", help="cpu (default) or cuda")


def _named(value: str) -> str:
    """An option's value; an empty one is a variable that is not set, and no default replaces it."""
    if not value:
        raise argparse.ArgumentTypeError("expected a value, got an empty one; name it")
    return value


def given(config: pytest.Config) -> list[str]:
    """The security options that have a value of their own, wherever it was set."""
    return [name for name, usual in _DEFAULTS.items() if config.getoption(name) != usual]


def on_command_line(config: pytest.Config) -> bool:
    """Whether the command itself (not a setting or a variable) has a security option."""
    return any(str(word).startswith("--security-") for word in config.invocation_params.args)
