"""A measurement with a defence: of a row, or of the whole subject."""

from __future__ import annotations

import dataclasses

from securemnist.defences import make_defence
from securemnist.defences.subject import defended
from securemnist.evaluation.context import Context
from securemnist.measures.base import ImageSettings, Settings


def with_defence(context: Context, settings: Settings) -> tuple[Context, Settings]:
    """The context and the settings of a measurement, with the row's defence put before the model.

    Where the defence is random, the row counts as `randomised`.
    """
    chosen = settings.defence if isinstance(settings, ImageSettings) else None
    if chosen is not None:
        defence, outer = make_defence(chosen), context

        def inner() -> Context:
            return dataclasses.replace(outer, subject=defended(outer.subject, defence), cache={})

        context = outer.cached(("defence", repr(defence)), inner)
    if "randomised" in type(settings).model_fields and context.subject.randomised:
        settings = settings.model_copy(update={"randomised": True})
    return context, settings
