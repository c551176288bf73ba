"""Precision of confidences: few decimals, so that queries reveal less to model extraction."""

from __future__ import annotations

import json
from decimal import Decimal

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError
from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import ask, figures
from securemnist.service_probes.reply import Reply, check
from securemnist.service_probes.target import Target

_DECIMALS = 4
_IMAGES = 32
_OUTPUTS = 16


def confidence_precision(target: Target) -> list[ServiceCheck]:
    """The most decimals in any output: for 32 images, for one, and of each output on request.

    Labels have none. Scores as whole numbers, such as 987654 of a million, are larger than labels.
    """
    asked = [ask(target, target.images[:count]) for count in (_IMAGES, 1)]
    classes = range(target.spec.classes)
    requested = [figures(reply) for reply in _requested(target) if reply.accepted]
    whole = [answers.whole for answers in asked] + [found for _, found in requested]
    others = [one for found in whole for one in found if one not in classes]
    found = f"{others[0]}, which is none" if others else "labels"
    labels = check("whole numbers", not others, f"labels below {len(classes)}", found)
    texts = [text for answers in asked for text in answers.numbers]
    texts += [text for numbers, _ in requested for text in numbers]
    if not texts:
        return [check("scores", True, "labels, or rounded scores", "labels only"), labels]
    most = max(_decimals(text) for text in texts)
    largest = max(abs(float(text)) for text in texts)
    return [
        check("decimals", most <= _DECIMALS, f"at most {_DECIMALS}", most),
        # Logits of 12.3456 have more decimals than a share of 0.1235, and no fixed range.
        check("the largest score", largest <= 1, "a share of 1 at most", f"{largest:.6g}"),
        labels,
    ]


def _requested(target: Target) -> list[Reply]:
    """The answers to requests for each output that the metadata names: some are left out by default."""
    reply = target.send("GET", target.metadata_path)
    try:
        names = [str(one["name"]) for one in json_object(reply.text.encode()).get("outputs", [])]
    except (ParseError, LookupError, TypeError):
        return []
    body = json.loads(target.body(target.images[:1]))
    return [
        target.post(json.dumps({**body, "outputs": [{"name": name}]}).encode())
        for name in names[:_OUTPUTS]
    ]


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 99
