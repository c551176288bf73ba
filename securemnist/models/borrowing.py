"""A caller's model, measured and given back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from securemnist.data import Samples
from securemnist.endpoint.network import RemoteModel
from securemnist.errors import MeasureError, ModelError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.models.loading import Subject, from_model, resolve
from securemnist.runtime.model_state import restored
from securemnist.runtime.process_state import preserved


@contextmanager
def borrowed(
    model: nn.Module | Subject | str,
    device: str | None = None,
    input_spec: InputSpec = MNIST,
    samples: Samples | None = None,
) -> Iterator[Subject]:
    """Give the subject of a model for images of `input_spec`: an nn.Module, or the SPEC of one.

    `samples`: see `resolve`. An endpoint begins a new run. Inside the block the model is in eval
    mode with frozen weights on `device` (by default where it is; for a SPEC the CPU). Behind it model
    and process are as before, also after an exception: see `restored` and `preserved`. ModelError,
    UsageError or WeightsError for what is no model, and MeasureError where its code ends the program.
    """
    with preserved(), _returning():
        if isinstance(model, str):
            subject = resolve(model, device=device or "cpu", input_spec=input_spec, samples=samples)
            begin_run(subject.model)
            yield subject
            return
        network = model.model if isinstance(model, Subject) else model
        if not isinstance(network, nn.Module):
            raise ModelError(
                f"expected a model as nn.Module or its SPEC, got {type(model).__name__}; pass a network"
            )
        begin_run(network)
        with restored(network):
            if isinstance(model, Subject):
                yield model
            else:
                yield from_model(
                    model,
                    name=type(model).__name__,
                    device=device or _device(network),
                    input_spec=input_spec,
                )


def begin_run(network: nn.Module) -> None:
    """Let an endpoint be asked anew; nothing for other networks."""
    if isinstance(network, RemoteModel):
        network.begin_run()


@contextmanager
def _returning() -> Iterator[None]:
    """MeasureError where code of the model calls sys.exit, whose code could be that of a pass."""
    try:
        yield
    except SystemExit as error:
        raise MeasureError(
            f"expected the model's code to return, it ended the program ({error.code}); nothing was "
            "decided, fix the model"
        ) from error


def _device(model: nn.Module) -> str:
    tensor = next(model.parameters(), next(model.buffers(), torch.empty(0)))
    return str(tensor.device)
