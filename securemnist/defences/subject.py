"""The subject of an assessment with a defence."""

from __future__ import annotations

import dataclasses

from torch import nn

from securemnist.defences.base import Defence
from securemnist.errors import ModelError, NotApplicable
from securemnist.models.loading import Subject


def defended(subject: Subject, defence: Defence) -> Subject:
    """The same model behind a defence; its name says so.

    NotApplicable for an endpoint, whose answers a defence here would not change. ModelError where the
    defence gives no network.
    """
    if subject.remote is not None:
        raise NotApplicable("no weights: a defence is not put before an endpoint")
    # Of a model that has a defence already, attacks go through the copy that it declared.
    inner = subject.model if subject.attacked is None else subject.attacked
    model, attacked = (
        _frozen(network, defence)
        for network in (defence.wrap(subject.model), defence.attacked(inner))
    )
    return dataclasses.replace(
        subject,
        model=model,
        attacked=attacked,
        name=f"{subject.name} with {defence.text}",
        architecture=f"{subject.architecture} with {defence.name}",
        reference={},
        randomised=defence.randomised or subject.randomised,
    )


def _frozen(network: object, defence: Defence) -> nn.Module:
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"expected {defence.name} to return an nn.Module, got {type(network).__name__}; fix it"
        )
    network.eval()
    for weights in network.parameters():
        weights.requires_grad_(False)
    return network
