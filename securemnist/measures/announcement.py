"""What is printed about an endpoint before its first row: the probe, the queries, the budget."""

from __future__ import annotations

from collections.abc import Iterable

from securemnist._util.duration import rounded
from securemnist.evaluation.context import Context
from securemnist.measures import bind, find
from securemnist.measures.endpoints import expected_queries
from securemnist.results.findings import Requirement
from securemnist.sanitize import line


def queries_of(context: Context, rows: Iterable[Requirement]) -> int:
    """Most queries that these rows ask of an endpoint; 0 for a model whose weights are here."""
    queries = 0
    for row in rows:
        if (measure := find(row.measure)) is not None:
            bound = bind(row.measure, row.settings, tier=row.tier)
            queries += expected_queries(measure, bound, context)
    return queries


def announcement(context: Context, queries: int = 0) -> list[str]:
    """What the probe of an endpoint found, the most queries to come, and the budget, as plain lines.

    Empty for a model whose weights are here.
    """
    remote = context.subject.remote
    if remote is None:
        return []
    description, facts = remote.description, remote.facts
    lines = [f"endpoint {line(description.name)}"]
    if not description.verify:
        lines.append("  WARNING: the certificate of the endpoint is not checked (verify = false)")
    lines += [f"  {fact}" for fact in facts.lines(remote.pixels)]
    if queries:
        time = rounded(queries * facts.seconds_an_image)
        lines.append(f"  queries: at most {queries:,} for these rows, {time}")
    limits = f"{description.row_queries:,} a row, {description.queries:,} in all"
    short = ", which is less than these rows need" if queries > description.queries else ""
    return [*lines, f"  budget: {limits}{short}"]
