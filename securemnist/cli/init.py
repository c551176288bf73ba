"""`securemnist init`: a policy, a model fixture and a noxfile for somebody's repository."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from securemnist.cli.output import say
from securemnist.errors import UsageError


@click.command()
@click.option(
    "--model", metavar="SPEC", required=True, help="Yours: pkg.module:factory, or a file."
)
@click.option("--digits", type=click.IntRange(min=50), default=1000, show_default=True,
              help="Tuning digits to attack for the first measurement.")  # fmt: skip
@click.option("--data", type=click.Path(path_type=Path), help="IDX files instead of MNIST.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
def init(model: str, digits: int, data: Path | None, device: str) -> None:
    """Write a policy and its tests into security_tests, and a conftest.py and noxfile.py beside it.

    The thresholds are proposed from a first measurement of the model. No file that exists is touched.
    """
    from securemnist import data as data_sets
    from securemnist import first_policy, scaffold, settings, subjects
    from securemnist._memory import keep_freed_memory
    from securemnist.resources import write_atomically

    here = Path.cwd()
    if (here / scaffold.POLICY).exists():
        raise UsageError(
            f"{scaffold.POLICY}: expected no policy yet, got one; edit it, or move it away first"
        )
    keep_freed_memory()
    configured = settings.load(here).data
    digits_of = data_sets.load(data or (Path(configured) if configured else None))
    subject = subjects.resolve(model, device=device)
    say(f"measuring {subject.name} on the tuning split", err=True)
    taken = first_policy.measure(subject, digits_of, digits)
    made = {
        scaffold.POLICY: first_policy.policy(taken, model, len(digits_of.test)),
        scaffold.SUITE: scaffold.TESTS,
        scaffold.CONFTEST: scaffold.conftest(model),
        scaffold.NOXFILE: scaffold.noxfile(here, data),
    }
    kept = [name for name in made if (here / name).exists()]
    for name, text in made.items():
        if name in kept:
            say(f"{name}: there is one already, left as it is; what it needs:\n\n{text}")
            continue
        try:
            write_atomically(here / name, text.encode())
        except OSError as error:
            raise UsageError(
                f"{name}: cannot be written ({error.strerror}); mend the folder's permissions"
            ) from error
        say(f"{name}: written")
    for proposal, seen in taken:
        if reason := first_policy.left_out(proposal, seen):
            say(f"{proposal.id} is left out: {reason}")
    if scaffold.CONFTEST in kept:
        say(f"first: put the fixture above into {scaffold.CONFTEST}, if it has none")
    given = f" --data {shlex.quote(str(data))}" if data else ""
    tests = f" --security-data {shlex.quote(str(data))}" if data else ""
    say(f"next: securemnist assess --tier smoke{given}, or pytest -m smoke{tests}")
