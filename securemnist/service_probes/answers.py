"""What an answer of the protocol says: labels, and probabilities where it has them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from securemnist._util.parsing import json_value
from securemnist.errors import MeasureError, ParseError
from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.reply import Reply, check
from securemnist.service_probes.target import Target
from securemnist.types import Images

_DEPTH = 32
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Answers:
    """For each image a label, and the scores of its classes as the texts that were sent, or nothing.

    `numbers`: the texts of all values of floats, in any output, and of those within its texts.
    `whole`: all whole numbers, labels included.
    """

    labels: list[int]
    scores: list[list[str]]
    numbers: tuple[str, ...] = ()
    whole: tuple[int, ...] = ()


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
        numbers: list[str] = []
        whole: list[int] = []
        for output in outputs:
            data = output["data"]
            _add_figures(output, numbers, whole)
            if output["datatype"].startswith(("INT", "UINT")) and len(data) == count:
                labels = [int(label) for label in data]
            elif output["datatype"].startswith("FP") and len(output["shape"]) == 2:
                width = output["shape"][1]
                texts = [str(value) for value in data]
                scores = [texts[k * width : (k + 1) * width] for k in range(count)]
        largest = [_largest(row) for row in scores]
        labels = labels or largest
    except (ParseError, ValueError, LookupError, TypeError, AttributeError, OverflowError):
        labels = []
    if len(labels) != count or (scores and any(len(row) < 2 for row in scores)):
        raise MeasureError(
            "expected labels or scores of each image by the Open Inference Protocol, got others; name "
            "an `endpoint` of that protocol"
        )
    return Answers(labels, scores, tuple(numbers), tuple(whole))


def answered(name: str, reply: Reply) -> ServiceCheck:
    """That an honest request for one image was answered by labels or scores, not by a status alone."""
    holds = reply.accepted and readable(reply, 1)
    found = f"{reply} without labels and scores" if reply.accepted and not holds else str(reply)
    return check(name, holds, "an answer with status 200", found)


def readable(reply: Reply, count: int) -> bool:
    """Whether a reply has labels or scores for `count` images, whatever its status is."""
    try:
        read(reply, count)
    except MeasureError:
        return False
    return True


def figures(reply: Reply) -> tuple[list[str], list[int]]:
    """Numbers and whole numbers of any outputs, as those of `Answers`; MeasureError without outputs."""
    numbers: list[str] = []
    whole: list[int] = []
    try:
        for output in json_value(reply.text.encode(), depth=_DEPTH, decimal_text=True)["outputs"]:
            _add_figures(output, numbers, whole)
    except (ParseError, ValueError, LookupError, TypeError, AttributeError):
        raise MeasureError(
            "expected outputs by the protocol, got others; fix the service"
        ) from None
    return numbers, whole


def _add_figures(output: Any, numbers: list[str], whole: list[int]) -> None:
    leaves = _leaves(output["data"])
    if output["datatype"].startswith("FP"):
        numbers += [_finite(leaf) for leaf in leaves]
        return
    texts = [leaf for leaf in leaves if isinstance(leaf, str)]
    numbers += [number for text in texts for number in _FLOAT.findall(text)]
    whole += [leaf for leaf in leaves if type(leaf) is int]


def _leaves(data: Any) -> list[Any]:
    return [leaf for one in data for leaf in _leaves(one)] if isinstance(data, list) else [data]


def _finite(value: Any) -> str:
    """A number as text; ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("expected a number")
    if not math.isfinite(float(value)):
        raise ValueError("expected a finite number")
    return str(value)


def _largest(row: list[str]) -> int:
    values = [float(text) for text in row]
    return values.index(max(values))
