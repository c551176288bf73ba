"""What an answer of the protocol says: labels, and probabilities where it has them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from securemnist._util.parsing import json_value
from securemnist.errors import MeasureError, ParseError
from securemnist.service.reply import Reply
from securemnist.service.target import Target
from securemnist.types import Images

_DEPTH = 32


@dataclass(frozen=True)
class Answers:
    """For each image a label, and the scores of its classes as the texts that were sent, or nothing."""

    labels: list[int]
    scores: list[list[str]]


def ask(target: Target, images: Images) -> Answers:
    """The answers for images; MeasureError where the service does not answer an honest request."""
    reply = target.infer(images)
    if not reply.accepted:
        raise MeasureError(
            f"expected the service to answer {len(images)} images, got {reply}; check `endpoint` and "
            "the token"
        )
    return read(reply, len(images))


def read(reply: Reply, count: int) -> Answers:
    """The answers in a reply for `count` images; MeasureError for anything but the protocol."""
    try:
        outputs = json_value(reply.text.encode(), depth=_DEPTH, decimal_text=True)["outputs"]
        labels: list[int] = []
        scores: list[list[str]] = []
        for output in outputs:
            data = output["data"]
            if output["datatype"].startswith(("INT", "UINT")) and len(data) == count:
                labels = [int(label) for label in data]
            elif output["datatype"].startswith("FP") and len(output["shape"]) == 2:
                width = output["shape"][1]
                texts = [str(value) for value in data]
                if not all(math.isfinite(float(text)) for text in texts):
                    raise ValueError("expected finite scores")
                scores = [texts[k * width : (k + 1) * width] for k in range(count)]
        labels = labels or [_largest(row) for row in scores]
    except (ParseError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        labels = []
    if len(labels) != count or (scores and any(len(row) < 2 for row in scores)):
        raise MeasureError(
            "expected labels or scores of each image by the Open Inference Protocol, got others; name "
            "an `endpoint` of that protocol"
        )
    return Answers(labels, scores)


def _largest(row: list[str]) -> int:
    values = [float(text) for text in row]
    return values.index(max(values))
