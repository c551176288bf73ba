"""Model, policy and data of a command: its options, else the project's settings, else the defaults."""

from __future__ import annotations

from pathlib import Path

from securemnist._util import resources
from securemnist._util.files import exists
from securemnist.cli.output import say
from securemnist.errors import UsageError
from securemnist.project import settings
from securemnist.project.folders import USUAL, configured_policy
from securemnist.results.policy import Policy
from securemnist.view.taxonomy import unknown_ids

_BUNDLED = Path("bundled")


def policy_of(option: Path | None, *, demo: bool = False) -> Path:
    """--policy, else the policy of the project in this folder, else the bundled one.

    `--policy bundled` and --demo select the bundled one.
    """
    if demo and option is not None:
        raise UsageError(
            f"expected --demo without --policy, since it uses {settings.BUNDLED}, got {option}; leave "
            "one of them out"
        )
    if demo or (option == _BUNDLED and not option.exists()):
        return resources.POLICY
    if option is not None:
        return option
    here = Path.cwd()
    own = here / USUAL
    return configured_policy(here) or (own if exists(own) else resources.POLICY)


def model_of(option: str | None, policy: Path, *, demo: bool) -> str | None:
    """--model, or the bundled model for --demo, or the project's; None where there is none.

    UsageError if --model and --demo are both given.
    """
    if demo and option is not None:
        raise UsageError(
            f"expected --demo without --model, since it uses a bundled model, got {option!r}; leave "
            "one of them out"
        )
    if demo:
        return settings.DEFAULT_MODEL
    here = Path.cwd()
    return option or settings.load(here).model_for(policy, here)


def check_policy_is_chosen(policy: Path, *, explicit: bool) -> None:
    """UsageError if a project's own model would be assessed by the bundled policy without being asked.

    `explicit`: the command line names the policy or the model.
    """
    if not explicit and settings.is_bundled(policy) and not settings.is_checkout(Path.cwd()):
        raise UsageError(
            f"expected a policy beside the model of this project ({USUAL}), got none; restore it, "
            f"write one with `securemnist init`, or use {settings.BUNDLED} with --policy bundled"
        )


def refuse_inside_a_project(policy: Path, *, explicit: bool) -> None:
    """UsageError in a subfolder of a project with a policy, where the bundled one would replace it."""
    here = Path.cwd()
    by_default = not explicit and policy == resources.POLICY and here != resources.ROOT
    for folder in here.parents if by_default else ():
        if exists(folder / USUAL):
            raise UsageError(
                f"expected to be started in {folder}, which holds the policy {USUAL}, got {here}; "
                "change to that folder, or pass --policy"
            )


def data_of(option: str | None) -> str | None:
    """--data, or the data folder of the project's settings; None for the bundled MNIST."""
    return option or settings.load(Path.cwd()).data


def warn_of_ids(policy: Policy) -> None:
    """Warn on stderr about unknown threat identifiers in the rows."""
    if warning := unknown_ids(policy.requirements):
        say(f"warning: {warning}", err=True)
