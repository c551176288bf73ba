"""Chosen: the policy and the data of a command, as its options or the project it stands in name them."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist import resources, settings
from securemnist.errors import UsageError
from securemnist.files import exists
from securemnist.policy import Policy
from securemnist.report.taxonomy import unknown_ids

_USUAL = "security_tests/thresholds.toml"


def policy_of(named: Path | None) -> Path:
    """--policy, or the one of the project in this folder, or the one that the package brings."""
    if named is not None:
        return named
    here = Path.cwd()
    configured = settings.load(here).policy
    if configured:
        return here / configured
    own = here / _USUAL
    return own if exists(own) else resources.POLICY


def refuse_inside_a_project(policy: Path) -> None:
    """UsageError in a folder of a project with a policy, where the bundled one would be taken instead."""
    here = Path.cwd()
    for folder in here.parents if policy == resources.POLICY and here != resources.ROOT else ():
        if exists(folder / _USUAL):
            raise UsageError(
                f"expected to start in {folder}, whose {_USUAL} is the policy here, got {here}; go "
                "there, or name --policy"
            )


def data_of(named: str | None) -> str | None:
    """--data, or the folder that the project in this folder names; None for the bundled MNIST."""
    return named or settings.load(Path.cwd()).data


def warn_of_ids(policy: Policy) -> None:
    """Say on stderr which threat identifiers of the rows are not known here."""
    if told := unknown_ids(policy.requirements):
        click.echo(f"warning: {told}", err=True)
