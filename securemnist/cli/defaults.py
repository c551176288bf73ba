"""Chosen: model, policy and data of a command, as its options or the project it stands in name them."""

from __future__ import annotations

from pathlib import Path

from securemnist._util import resources
from securemnist._util.files import exists
from securemnist.cli.output import say
from securemnist.errors import UsageError
from securemnist.project import settings
from securemnist.results.policy import Policy
from securemnist.view.taxonomy import unknown_ids

_USUAL = "security_tests/thresholds.toml"
_BUNDLED = Path("bundled")


def policy_of(named: Path | None, *, demo: bool = False) -> Path:
    """--policy, or the one of the project in this folder, or the one that the package brings.

    `--policy bundled` names the last one, as --demo does.
    """
    if demo and named is not None:
        raise UsageError(
            f"expected --demo, which takes {settings.BUNDLED}, without --policy, got {named}; leave "
            "one of them out"
        )
    if demo or (named == _BUNDLED and not named.exists()):
        return resources.POLICY
    if named is not None:
        return named
    here = Path.cwd()
    configured = settings.load(here).policy
    if configured:
        return here / configured
    own = here / _USUAL
    return own if exists(own) else resources.POLICY


def model_of(named: str | None, policy: Path, *, demo: bool, fixture: bool) -> str | None:
    """--model, or the bundled model for --demo, or the project's; None where its `fixture` serves.

    UsageError where there is none, or where both are named.
    """
    if demo and named is not None:
        raise UsageError(
            f"expected --demo, which takes a bundled model, without --model, got {named!r}; leave one "
            "of them out"
        )
    if demo:
        return settings.DEFAULT_MODEL
    if named is not None:
        return named
    here = Path.cwd()
    spec = settings.load(here).model_for(policy, here)
    if spec is None and not fixture:
        raise UsageError(settings.NO_MODEL.format(policy=settings.policy_name(policy, here)))
    return spec


def check_policy_is_chosen(policy: Path, *, named: bool) -> None:
    """UsageError where a project's own model would be held against the bundled policy unasked.

    `named`: the command line names the policy or the model.
    """
    if not named and settings.is_bundled(policy) and not settings.is_checkout(Path.cwd()):
        raise UsageError(
            f"expected a policy beside the model of this project ({_USUAL}), got none; restore it, "
            f"write one with `securemnist init`, or take {settings.BUNDLED} by --policy bundled"
        )


def refuse_inside_a_project(policy: Path, *, named: bool) -> None:
    """UsageError in a folder of a project with a policy, where the bundled one would be taken unasked."""
    here = Path.cwd()
    unasked = not named and policy == resources.POLICY and here != resources.ROOT
    for folder in here.parents if unasked else ():
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
        say(f"warning: {told}", err=True)
