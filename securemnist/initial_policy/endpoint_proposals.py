"""The rows of a first policy for an endpoint: answers only, on few images, because each query costs."""

from __future__ import annotations

from dataclasses import replace

from securemnist.endpoint.network import RemoteModel
from securemnist.initial_policy.proposals import PROPOSALS, Proposal

# Images that each row sends: an attack asks hundreds of questions about each of its images.
_IMAGES = {"CLEAN-01": 1000, "ADV-02": 100, "BACKDOOR-01": 500}
_WHY = "an attacker who only sees answers must not find adversarial images with these queries"


def proposals_for(remote: RemoteModel) -> tuple[Proposal, ...]:
    """The rows that answers alone decide; the attack fits scores, or labels where there are no scores."""
    budget = "labels" if remote.facts.labels_only else "black-box"
    search = {"attack": {"use": "ladder", "budget": budget}}
    chosen = [replace(row, images=_IMAGES[row.id]) for row in PROPOSALS if row.id in _IMAGES]
    return tuple(replace(row, settings=search, why=_WHY) if row.evasion else row for row in chosen)
