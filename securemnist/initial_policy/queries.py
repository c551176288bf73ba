"""What a first measurement asks of an endpoint."""

from __future__ import annotations

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.initial_policy.kind import kind_of
from securemnist.initial_policy.measured import proposals
from securemnist.measures import bind, find
from securemnist.measures.endpoints import expected_queries
from securemnist.models.loading import Subject


def expected(subject: Subject, data: DataSet, images: int) -> int:
    """Most queries about `images` samples, with a search at each usual eps; 0 for weights at hand."""
    if subject.remote is None:
        return 0
    context, queries = Context(subject, data), 0
    used = min(images, len(data.tuning) or len(data.test))
    for proposal in proposals(data, subject):
        if (measure := find(proposal.measure)) is None:
            continue
        settings = {**proposal.settings, "images": min(used, proposal.images or used)}
        threats = [{"threat": {"norm": "linf", "eps": eps}} for eps in kind_of(data).linf]
        for threat in threats if proposal.evasion else [{}]:
            bound = bind(proposal.measure, settings | threat, tier=proposal.tier)
            queries += expected_queries(measure, bound, context)
    return queries
