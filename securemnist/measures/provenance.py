"""Unknown provenance: weights of which it is not recorded how, and from which data, they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from pydantic import Field
from torch import nn

from securemnist._util import resources
from securemnist._util.files import open_regular, read_at_most
from securemnist._util.hashing import sha256_of_file
from securemnist.errors import NotApplicable
from securemnist.evaluation.context import Context
from securemnist.measures import supply_chain
from securemnist.measures.base import Settings
from securemnist.measures.inputs import InsidePaths
from securemnist.models.fingerprint import content_of, tensors_of
from securemnist.models.formats.files import FORMATS
from securemnist.models.loading import reference_names
from securemnist.models.weight_file import MAX_WEIGHTS
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.findings import Measurement
from securemnist.supply_chain import manifest

_SAFETENSORS = ".safetensors"


class ProvenanceSettings(Settings):
    """Settings of a row of provenance.

    `files`: the weight files that the model is loaded from, relative to the project's folder. A model
    that is given by one file needs none.
    """

    files: InsidePaths = Field(default_factory=list)


def unknown_provenance(context: Context, settings: ProvenanceSettings, _seed: int) -> Measurement:
    """The number of facts about the origin of the weights that are missing, or that do not hold.

    The manifest beside each weight file has to state three things: the SHA-256 of the file, the
    training recipe with its seed, and the SHA-256 of the training data. The tensors of the file have
    to be those of the model, and each parameter of the model has to be in a file; without parameters each
    of its tensors has to be. A file in another format has to be one that the model was loaded from, and
    all of those have to be named. A model that no file is named for counts. NotApplicable for an
    endpoint.
    """
    if context.subject.remote is not None:
        raise NotApplicable("no weights: the provenance of a model behind an endpoint is not known")
    files = {name: context.project / name for name in settings.files} or _of_spec(
        context.subject.spec
    )
    model = context.subject.model
    # The parameters; all tensors where there are none, as in a quantised model.
    left = Counter(map(_content, [*model.parameters()] or tensors_of(model).values()))
    checks = [check for name, path in files.items() for check in _file(context, name, path, left)]
    if not files:
        expected = "the weight files of the model, named by `files` of the row"
        place = context.subject.spec or context.subject.name
        checks = [supply_chain.check("weight file", place, expected, "none")]
    elif {path.suffix for path in files.values()} != {_SAFETENSORS}:
        checks += _unnamed(context, {path.name for path in files.values()})
    elif all(check.holds for check in checks):
        # Buffers may be constants of the code.
        wrong, place = f"{left.total()} are in no file" if left else "", ", ".join(files)
        checks.append(supply_chain.check("parameters", place, "all of the model", wrong))
    return supply_chain.counted(checks, "weight files and manifests")


def _of_spec(spec: str) -> dict[str, Path]:
    """The weight file that a SPEC names; empty for a factory."""
    if spec in reference_names():
        return {f"{spec}{_SAFETENSORS}": resources.WEIGHTS / f"{spec}{_SAFETENSORS}"}
    named = spec if Path(spec).exists() else spec.partition("@")[2] or spec
    is_file = Path(named).suffix.lower() in (_SAFETENSORS, *FORMATS)
    return {named: Path(named)} if is_file else {}


def _file(context: Context, name: str, path: Path, left: Counter[str]) -> Iterator[SupplyCheck]:
    """The checks of one file, whose tensors are removed from `left`."""
    yield from manifest.checks(path, name)
    if path.suffix == _SAFETENSORS:
        yield _same_tensors(context.subject.model, name, path, left)
    else:
        yield _loaded(context, name, path)


def _loaded(context: Context, name: str, path: Path) -> SupplyCheck:
    """Whether the model was loaded from this file as it is now; what a factory loads is not known."""
    found = "another format"
    if loaded := context.subject.files.get(path.name):
        try:
            with open_regular(path) as descriptor:
                same = sha256_of_file(descriptor) == loaded
            found = "" if same else "a file that was replaced after the model was loaded"
        except OSError as error:
            found = str(error.strerror)
    expected = "a safetensors file, or the model given by this file"
    return supply_chain.check("tensors", name, expected, found)


def _unnamed(context: Context, named: set[str]) -> Iterator[SupplyCheck]:
    """Files of an ONNX or Keras model that no manifest speaks of, such as external data."""
    if Path(context.subject.spec).suffix.lower() in FORMATS:
        for name in sorted(context.subject.files.keys() - named):
            expected = "its name in `files` of the row, and a manifest beside it"
            yield supply_chain.check("weight file", name, expected, "neither")


def _same_tensors(model: nn.Module, name: str, path: Path, left: Counter[str]) -> SupplyCheck:
    """Whether every tensor of the file is one of the model's, whatever its name there."""
    found, holds = "all of them", False
    try:
        tensors = safetensors.torch.load(read_at_most(path, MAX_WEIGHTS))
        own = _own(model)
        stored = Counter(map(_content, tensors.values()))
        missing = stored - own
        holds = bool(tensors) and not missing
        for content in stored:  # a tensor that the model has twice may be stored once
            del left[content]
        found = found if holds else f"{missing.total()} of {len(tensors)} tensors are not"
    except OSError as error:
        found = str(error.strerror)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:  # KeyError: a type
        found = f"no safetensors file ({error!s:.100})"
    return SupplyCheck("tensors", name, "the tensors of the model", found, holds)


def _own(model: nn.Module) -> Counter[str]:
    """The contents of all tensors of a model; one that has two names there counts twice."""
    named = model.state_dict().values()
    stored = Counter(_content(each) for each in named if isinstance(each, torch.Tensor))
    return stored | Counter(map(_content, tensors_of(model).values()))


def _content(tensor: torch.Tensor) -> str:
    """A tensor's type and shape, and the SHA-256 of its values."""
    return str(content_of(tensor))


UNKNOWN_PROVENANCE = supply_chain.measure(unknown_provenance, ProvenanceSettings, seconds=0.3)
