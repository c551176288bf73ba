"""One honest network: the doubts that it raises, and those of impostors around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from securemnist import assessing
from securemnist.attacks import make_attack
from securemnist.attacks.base import Attack
from securemnist.calibration.impostors import Impostor
from securemnist.data import DataSet
from securemnist.evaluation.calibration import Limits
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import MODEL_CHECKS, PREDICTION_CHECKS, SEARCH_CHECKS
from securemnist.evaluation.doubts.binarization_test import planted_examples, sensitivity
from securemnist.evaluation.doubts.check_input import Case, SearchCase
from securemnist.evaluation.doubts.rerun import surviving_after
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.models.predictions import is_wrong
from securemnist.results.findings import Doubt, Measurement
from securemnist.threats import Linf

ATTACKED = 96  # images
_MODEL_CHECKS = {**PREDICTION_CHECKS, **MODEL_CHECKS}


def _planted(case: SearchCase) -> Doubt | None:
    return planted_examples(sensitivity(case), case.limits)


def _name(doubt: Doubt | None) -> str:
    return "" if doubt is None else doubt.name


@dataclass(frozen=True)
class Honest:
    """An honest network, the images that are used as the test split, and the threat of its attacks."""

    subject: Subject
    data: DataSet
    threat: Linf

    def measured(self, attack: Mapping[str, Any], limits: Limits) -> Measurement:
        """Robust accuracy under an attack, with the doubts by these limits."""
        context = Context(self.subject, self.data, doubts=(), trial=limits)
        images = min(ATTACKED, len(self.data.test))
        settings = {"attack": dict(attack), "threat": self.threat.to_json(), "images": images}
        return assessing.measure(context, "robust_accuracy", settings)

    def survival(self, attack: Mapping[str, Any]) -> float:
        """The share of the right predictions, of at most 96 images, that survive an attack."""
        context = Context(self.subject, self.data, doubts=(), trial=Limits())
        case = self._case(context, Limits())
        return self._search(context, case, make_attack(attack)).survived

    def missed(self, impostor: Impostor, limits: Limits) -> set[str]:
        """The doubts that the impostor around this network should raise, but does not."""
        if impostor.scale != 1:
            threat = Linf(min(impostor.scale * self.threat.eps, 1.0))
            return replace(self, threat=threat).missed(replace(impostor, scale=1.0), limits)
        images, device = self.data.test.images(), self.subject.device
        network = impostor.make(self.subject.model, self.threat, images.to(device)).eval()
        around = loading.from_model(
            network, name=impostor.name, device=device, input_spec=self.data.spec
        )
        context = Context(around, self.data, doubts=(), trial=limits)
        case = self._case(context, limits)
        of_model = set(impostor.doubts) & set(_MODEL_CHECKS)
        missed = {name for name in of_model if _name(_MODEL_CHECKS[name](case)) != name}
        if of_search := set(impostor.doubts) - of_model:
            search = self._search(context, case, make_attack(impostor.attack_at(self.threat.eps)))
            checks = {"planted examples": _planted, **SEARCH_CHECKS}
            missed |= {name for name in of_search if _name(checks[name](search)) != name}
        return missed

    def _case(self, context: Context, limits: Limits) -> Case:
        """The images that the model of the context classifies right."""
        sample = context.sample(None, 0)
        right = ~is_wrong(context.logits(sample.x), sample.y)
        x, y = sample.x[right], sample.y[right]
        return Case(context.subject, context.target, self.threat, x, y, limits=limits)

    def _search(self, context: Context, case: Case, attack: Attack) -> SearchCase:
        """The survivors of an attack on at most 96 images."""
        x, y, judge = case.x[:ATTACKED], case.y[:ATTACKED], case.subject.model
        run, pool = [(attack, torch.Generator().manual_seed(0))], context.pool
        standing = surviving_after(run, case.model, x, y, self.threat, judge=judge, pool=pool)
        share = float(standing.float().mean())
        return SearchCase(
            *(case.subject, case.model, case.threat, x[standing], y[standing], 0),
            attacks=(attack,),
            pool=pool,
            transfer=False,
            survived=max(share, 1 / ATTACKED),
            last_broke=1 - share,
            limits=case.limits,
        )
