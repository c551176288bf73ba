"""What can be measured through an endpoint, what it costs, and when its answers decide nothing."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from securemnist.attacks.transfer import Transfer
from securemnist.endpoint.network import RemoteModel
from securemnist.errors import NoAnswer, NotApplicable
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts.endpoint_answers import ASKED
from securemnist.evaluation.ladder import REMOTE_CHUNK
from securemnist.input_spec import MNIST
from securemnist.measures.base import AnswerSettings, ImageSettings, Measure
from securemnist.measures.latency import LatencySettings
from securemnist.measures.threat_settings import AttackSettings
from securemnist.results.findings import Doubt, Measurement
from securemnist.threats import Linf

BLACK_BOX = 'attack = { use = "ladder", budget = "black-box" }'


def check_measurable(measure: Measure, settings: Any, remote: RemoteModel) -> None:
    """NotApplicable for a row that needs the network itself, or that its answers cannot decide."""
    if measure.weights or isinstance(settings, LatencySettings):
        what = "latency of a network" if isinstance(settings, LatencySettings) else "a certificate"
        raise NotApplicable(f"no weights: {what} cannot be measured through an endpoint")
    if isinstance(settings, AnswerSettings | AttackSettings) and settings.randomised:
        raise NotApplicable("no weights: a randomised model is not measured through an endpoint")
    if not isinstance(settings, AttackSettings):
        return
    white_box = [attack.name for attack in settings.attacks if not attack.black_box]
    if white_box:
        raise NotApplicable(
            f"no weights: {white_box[0]} needs gradients, which an endpoint does not give; write "
            f"{BLACK_BOX}"
        )
    for threat in settings.within:
        if remote.levels and isinstance(threat, Linf) and threat.eps * remote.levels < 1:
            raise NotApplicable(
                f"eps {threat.eps:g} is less than one level of 8 bits, so that no changed image can be "
                "sent"
            )


def check_exact_answers(context: Context, what: str) -> None:
    """NotApplicable for an endpoint; `what` the measure needs of every class, without rounding."""
    if context.subject.remote is not None:
        raise NotApplicable(f"an endpoint may round or leave out {what}; measure the model itself")


def with_row_checked(measurement: Measurement, remote: RemoteModel) -> Measurement:
    """The measurement, inconclusive where too many requests failed or the answers have changed."""
    if not (problem := remote.row_problem()):
        return measurement
    return dataclasses.replace(measurement, inconclusive=measurement.inconclusive or problem)


def expected_queries(measure: Measure, settings: Any, context: Context) -> int:
    """Most queries of a row; 0 for a row that is not measured through an endpoint."""
    remote = context.subject.remote
    if remote is None or not isinstance(settings, ImageSettings):
        return 0
    try:
        check_measurable(measure, settings, remote)
    except NotApplicable:
        return 0
    images = settings.images or len(context.data.test)
    if isinstance(settings, AttackSettings):
        attacks = settings.attacks
        an_image = 2 + sum(attack.queries_per_image + 1 for attack in attacks)
        shared = sum(attack.shared_queries for attack in attacks)
        calls = -(-images // REMOTE_CHUNK) + 1  # the doubts call an attack once more
        more = calls * shared + ASKED.transferred + ASKED.answers + ASKED.memory
        return (images + ASKED.attacked) * an_image + more
    an_image = 2 if "trigger" in type(settings).model_fields else 1
    further = 0
    if isinstance(settings, AnswerSettings):
        an_image, further = max(an_image, settings.answers_an_image), settings.further_answers
    # The doubts ask about clean images, and where there are others about those, too.
    checked = 1 if an_image == 1 and not further else 2
    return an_image * images + further + checked * ASKED.answers + ASKED.memory


@contextlib.contextmanager
def unasked_doubt() -> Iterator[list[Doubt]]:
    """Collects a doubt where an endpoint did not answer a check, so that a FAIL stays one."""
    found: list[Doubt] = []
    try:
        yield found
    except NoAnswer as error:
        advice = "Raise `row_queries` and `queries` in the description of the endpoint."
        found.append(
            Doubt(name="unchecked", reason=f"doubts could not be checked: {error}", advice=advice)
        )


def queries_per_image(context: Context, settings: AttackSettings) -> int | None:
    """Most answers that the attacks ask of an endpoint for one image; None for other models.

    Queries about other images are shared equally by the row's, and count, too.
    """
    if context.subject.remote is None:
        return None
    transfers = context.data.spec.shape == MNIST.shape  # elsewhere transfer has no sources
    images = min(settings.images or len(context.data.test), REMOTE_CHUNK)
    return sum(
        attack.queries_per_image + -(-attack.shared_queries // images)
        for attack in settings.attacks
        if transfers or not isinstance(attack, Transfer)
    )
