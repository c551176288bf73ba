"""An endpoint as a network without weights: images in, logits out, no gradient."""

from __future__ import annotations

import json
import math
from contextlib import AbstractContextManager
from typing import Any, final

import numpy as np
import torch
from torch import nn

from securemnist.endpoint.answers import Reader
from securemnist.endpoint.description import Description
from securemnist.endpoint.equal_answers import differs
from securemnist.endpoint.probe import Facts, probe
from securemnist.endpoint.queries import Queries
from securemnist.endpoint.query_budget import Counts
from securemnist.endpoint.score_kind import check_probabilities
from securemnist.errors import ModelError, NoAnswer
from securemnist.input_spec import InputSpec, composed
from securemnist.types import Images, Logits

# Difference of the logits where only a label is known.
LABEL_GAP = 20.0
# Most images that are sent again at the end of a row, one for each class that was answered.
CONTROLS = 8
# The smallest probability whose logarithm is taken, where scores are not rounded.
_SMALLEST = 1e-12
_TINY = 1e-290


@final
class RemoteModel(nn.Module):
    """A served model: float32 images (n, C, H, W) in [0, 1] to logits float64 (n, K), by requests.

    Probabilities become their logarithm, a label a largest logit. The first images are used for the
    probe. Errors as from `Client.ask` and `Reader.read`.
    """

    def __init__(self, description: Description, spec: InputSpec) -> None:
        from securemnist.endpoint.client import Client  # HTTP is loaded where it is needed

        super().__init__()
        self.description, self.spec = description, spec
        self.pixels = description.template.pixels
        if self.pixels.layout == "HW" and spec.channels != 1:
            raise ModelError(
                f'expected layout "CHW" or "HWC" for {spec}, got "HW"; fix the template'
            )
        reader = Reader(
            description.name,
            description.scores,
            description.labels,
            _names(description, spec),
            stated=bool(description.classes),
        )
        self.client = Client(description)
        self.queries = Queries(self.client, reader)
        self.begin_run()

    def begin_run(self) -> None:
        """Forget probe, answers and controls: since the last run another model may have been deployed.

        The budget goes on, because the queries of an earlier run were sent, too.
        """
        self._facts: Facts | None = None
        self._controls: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.queries.forget()
        self.begin_row()

    @property
    def facts(self) -> Facts:
        """What the probe found; ModelError before it."""
        if self._facts is None:
            raise ModelError(
                "expected a probed endpoint, got one that was not asked; call it first"
            )
        return self._facts

    @property
    def counts(self) -> Counts:
        return self.client.budget.run

    @property
    def levels(self) -> int | None:
        """Number of steps between black and white that a request can hold; None for floats."""
        return self.pixels.levels

    @property
    def least_margin(self) -> float | None:
        """The smallest margin, best wrong logit minus another, that coarse answers can say.

        None where scores are not rounded. -inf for rounded logits, which have no such bound.
        """
        facts = self.facts
        if facts.labels_only:
            return -LABEL_GAP
        if facts.decimals is None:
            return None
        return math.log(_least(facts.decimals)) if facts.probabilities else -math.inf

    def probe(self, x: Images) -> Facts:
        """Ask about the first of these images, once."""
        if self._facts is None:
            images = x.detach().cpu().float().numpy()
            self._facts = probe(self.queries, self.pixels, images, self.description.kind)
            self.client.budget.keep(CONTROLS)
            self.answers(x[:1])
        return self._facts

    @torch.no_grad()
    def forward(self, x: Images) -> Logits:
        self.probe(x)
        return torch.from_numpy(self._logits(self.answers(x))).to(x.device)

    def answers(self, x: Images) -> np.ndarray:
        """The answers themselves: scores float64 (n, K), or labels int64 (n,)."""
        numbers = self.pixels.numbers(x.detach().cpu().float().numpy())
        answers = self.queries.answers(numbers)
        if len(self._controls) < CONTROLS and not self.queries.sends_again:
            labels = answers if answers.ndim == 1 else answers.argmax(1)
            for number, answer, label in zip(numbers, answers, labels.tolist(), strict=True):
                if len(self._controls) < CONTROLS:
                    self._controls.setdefault(label, (number, answer))
        return answers

    def as_sent(self, x: Images) -> Images:
        """The images as the service reads them: written as in a request, and read again."""
        written = self.pixels.encoded(self.pixels.numbers(x.detach().cpu().float().numpy()))
        read = self.pixels.decoded(json.loads(json.dumps(written)), self.spec.shape)
        return torch.from_numpy(read).to(x.device)

    def fresh(self) -> AbstractContextManager[None]:
        """Send every image again inside the block."""
        return self.queries.fresh()

    def begin_row(self) -> None:
        self.client.budget.begin_row()

    def row_problem(self) -> str:
        """Why the answers of this row decide nothing; "" where they may.

        An image of each answered class is sent again: an endpoint whose answers have changed may serve
        another model by now.
        """
        if (problem := self.client.budget.row.problem) or not self._controls:
            return problem
        numbers, first = map(np.stack, zip(*self._controls.values(), strict=True))
        try:
            with self.fresh(), self.client.budget.last_queries():
                again = self.queries.answers(numbers)
        except (NoAnswer, ModelError) as error:
            return f"the control at the end of the row got no answer: {error}"
        if self._changed(first, again):
            what = "otherwise than" if self.facts.deterministic else "with another class than"
            return (
                f"the endpoint answers the same images {what} at the start; another model may "
                "be served by now, so measure again"
            )
        return ""

    def _changed(self, first: np.ndarray, again: np.ndarray) -> bool:
        """Whether answers have changed: of an endpoint whose scores vary anyway, the classes."""
        if self.facts.deterministic or first.ndim == 1:
            return bool(differs(first, again, self.facts.decimals).any())
        return bool((first.argmax(1) != again.argmax(1)).any())

    def _logits(self, answers: np.ndarray) -> np.ndarray:
        if answers.ndim == 1:
            logits = np.full((len(answers), self.spec.classes), -LABEL_GAP)
            logits[np.arange(len(answers)), answers] = 0.0
            return logits
        if not self.facts.probabilities:
            return answers
        decimals = self.facts.decimals
        check_probabilities(answers, decimals, whole=self.description.kind == "auto")
        # Below every other score of its image, also where the probe saw too few decimals, or where all
        # scores are small.
        others = np.where(answers > 0, answers, np.inf).min(1, keepdims=True)
        scale = np.clip(self.spec.classes * answers.max(1, keepdims=True), _TINY, 1)
        below = others / 2 if decimals is not None else scale * _SMALLEST
        least = np.minimum(_least(decimals), below)
        return np.asarray(np.log(np.maximum(answers, least)))

    def to_json(self) -> dict[str, Any]:
        """What the probe found, for a report; empty before it."""
        return {} if self._facts is None else self._facts.to_json()

    def extra_repr(self) -> str:
        return f"{self.description.name}, {self.description.digest}"


def _least(decimals: int | None) -> float:
    """The probability whose logarithm stands for an answer of 0: half of the last decimal."""
    return _SMALLEST if decimals is None else 0.5 * 10.0**-decimals


def _names(description: Description, spec: InputSpec) -> tuple[str, ...]:
    """The names of the classes in answers; ModelError for another number or order of them."""
    names = description.classes or spec.class_names or tuple(map(str, range(spec.classes)))
    if len(names) != spec.classes:
        raise ModelError(
            f"{description.name}: expected {spec.classes} names in `classes`, one for each class of "
            f"the data, got {len(names)}; fix them"
        )
    answered, known = tuple(map(composed, names)), tuple(map(composed, spec.class_names))
    # By place: the same names in another order would give a label the name of another class.
    if sorted(answered) == sorted(known) and answered != known:
        raise ModelError(
            f"{description.name}: expected `classes` in the order of the data, {', '.join(known):.120}, "
            "got its names in another order; leave `classes` out, and where scores come in another order "
            "let the endpoint answer them by class name"
        )
    return answered
