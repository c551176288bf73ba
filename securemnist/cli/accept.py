"""`securemnist accept`: accept today's findings of a static row, so that only new ones fail."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say, write_file
from securemnist.errors import PolicyError, UsageError


@click.command()
@click.argument("row_id", metavar="ROW")
@click.option("--policy", type=PATH, help="Default: the project's.")
def accept(row_id: str, policy: Path | None) -> None:
    """Accept today's findings of a static row.

    Writes the `baseline` file of the static_findings row ROW. Afterwards only new findings count.
    Entries without a matching finding are dropped.
    """
    from securemnist.evaluation.project_context import ProjectContext
    from securemnist.measures import bind
    from securemnist.measures.static_gate import StaticSettings, current_baseline
    from securemnist.project import settings
    from securemnist.project.folders import project_folder
    from securemnist.results import policy as policies

    here = Path.cwd()
    path = policy or here / (settings.load(here).policy or "security_tests/thresholds.toml")
    rows = {row.id: row for row in policies.load(path).rows("static_findings")}
    if row_id not in rows:
        known = ", ".join(rows) or "it has none"
        raise UsageError(
            f"expected a static_findings row of {path} ({known}), got {row_id!r}; name one"
        )
    row_settings = dict(rows[row_id].settings)
    target = row_settings.pop("baseline", None)
    if not isinstance(target, str):
        raise PolicyError(
            f"{path}: row {row_id}: expected a `baseline` file to write, got {target!r}; add "
            'baseline = "security_tests/baseline.json" to the row'
        )
    bound = bind("static_findings", row_settings, where=f"{path}: row {row_id}")
    context = ProjectContext(project=project_folder(here, path))
    content, count = current_baseline(context, cast(StaticSettings, bound))
    write_file(context.project, target, content)
    say(f"{target}: {count} findings accepted; commit the file, and review it as code")
