"""Loading of the model under assessment by its SPEC.

SPEC is NAME (a reference model) | pkg.module:factory | FILE.safetensors (with its manifest) |
ARCHITECTURE@FILE.safetensors | FILE.onnx | FILE.keras | an endpoint: https://HOST/v2/models/NAME, or
its description in FILE.toml. A factory takes no argument and returns an nn.Module; its code is trusted
and runs. Files are not trusted and are validated (see `weight_file` and `formats`), nor are endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from securemnist._util import resources
from securemnist.data import Samples
from securemnist.endpoint import loading as endpoints
from securemnist.endpoint.network import RemoteModel
from securemnist.errors import ModelError, UsageError, WeightsError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.models import factory, reference_digests, weight_file
from securemnist.models.architectures import ARCHITECTURES, build
from securemnist.models.fingerprint import fingerprint
from securemnist.models.formats import files
from securemnist.models.formats.files import FORMATS
from securemnist.models.freezing import frozen
from securemnist.project import imports
from securemnist.results.weight_file import WeightFile

RED_CONTROL = "red control"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FORMS = (
    "NAME, pkg.module:factory, FILE.safetensors, ARCHITECTURE@FILE.safetensors, .onnx, .keras, "
    "https://HOST/v2/models/NAME or .toml"
)


@dataclass(frozen=True)
class Subject:
    """The model under assessment, in eval mode with frozen weights, with its name and origin.

    `recipe`: how it was trained, by its manifest; for ONNX and Keras the SHA-256 of its files, by name.
    `files`: SHA-256 of the bytes that it was loaded from, by name of file; empty for code and endpoints.
    `trained_on`: name and digests of its training data, by its manifest.
    `weight_file`: format, size and manifest of the file; None for code and endpoints.
    Of a model with a defence, `attacked` is the copy that attacks take gradients of, and `randomised`
    says whether its answers are random on purpose.
    """

    model: nn.Module
    name: str
    spec: str
    architecture: str
    device: str = "cpu"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    weight_file: WeightFile | None = None
    attacked: nn.Module | None = None
    randomised: bool = False

    @property
    def remote(self) -> RemoteModel | None:
        """The endpoint that answers for this model; None for a model whose weights are here."""
        return self.model if isinstance(self.model, RemoteModel) else None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over structure and tensors, computed once, at the first access.

        So a model that writes into its own tensors keeps its digest. Of an endpoint it covers the
        description only. ModelError for tensors without values.
        """
        try:
            return fingerprint(self.model)
        except Exception as error:
            raise ModelError(
                f"{self.name}: expected readable tensors, reading them raised {factory.advice(error)}"
            ) from error

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "spec": self.spec,
            "digest": self.digest,
            "architecture": self.architecture,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "device": self.device,
            "recipe": dict(self.recipe) | (self.remote.to_json() if self.remote else {}),
            **self._files(),
            **({"trained_on": dict(self.trained_on)} if self.trained_on else {}),
            **self._role(),
        }

    def _files(self) -> dict[str, Any]:
        """Digests and format of its files; none behind a defence: the files alone do not answer so."""
        if not self.files or self.attacked is not None:
            return {}
        described = {"weight_file": self.weight_file.to_json()} if self.weight_file else {}
        return {"files": dict(self.files), **described}

    def _role(self) -> dict[str, Any]:
        """Description and role of a bundled reference model; empty for others, also of an equal name."""
        if not self.reference or self.spec not in reference_names():
            return {}
        roles = self.reference["roles"]
        return {"about": self.reference["about"], "red_control": RED_CONTROL in roles}


def reference_names() -> list[str]:
    return sorted(path.stem for path in resources.WEIGHTS.glob("*.safetensors"))


def with_role(role: str) -> list[str]:
    """The names of the bundled reference models whose manifest has this role, sorted.

    "clean": trained on data without a trigger. "curve": drawn beside a subject. "transfer": its
    gradients are tried on other models. "red control": a suite has to refuse it.
    """
    return [
        name
        for name in reference_names()
        if role in weight_file.read_manifest(_bundled(name)).get("reference", {}).get("roles", ())
    ]


def _bundled(name: str) -> Path:
    return resources.WEIGHTS / f"{name}.safetensors"


def resolve(
    spec: str,
    *,
    device: str = "cpu",
    input_spec: InputSpec = MNIST,
    samples: Samples | None = None,
) -> Subject:
    """The model of a SPEC, for images of `input_spec`.

    `samples`: those of the data, on which an ONNX file is compared with onnxruntime, beside noise.
    UsageError, WeightsError or ModelError in one sentence.
    """
    if endpoints.is_endpoint(spec):
        return _from_endpoint(spec, device, input_spec)
    architecture, at, file = spec.partition("@")
    # The name of a folder may contain @.
    if at and (architecture in ARCHITECTURES or not Path(spec).exists()):
        return _from_file(spec, Path(file), architecture, device, input_spec)
    if spec.endswith(".safetensors"):
        return _from_file(spec, Path(spec), None, device, input_spec)
    if _NAME.fullmatch(spec):
        if spec not in reference_names():
            known = ", ".join(reference_names())
            raise UsageError(
                f"expected a model as {_FORMS}, got {spec!r}, which is no reference model ({known}); "
                "use an existing name"
            )
        return _from_file(spec, _bundled(spec), None, device, input_spec)
    if imports.is_code(spec):
        return from_model(
            factory.call(spec), name=spec, spec=spec, device=device, input_spec=input_spec
        )
    if Path(spec).suffix.lower() in FORMATS:
        return _from_other_format(spec, device, input_spec, samples)
    if (refusal := files.refusal(spec)) is not None:
        raise UsageError(f"expected a model as {_FORMS}, got {spec!r}: {refusal}")
    raise UsageError(f"expected a model as {_FORMS}, got {spec!r}; fix the SPEC")


def load(
    spec: str | Path, *, input_spec: InputSpec = MNIST, samples: Samples | None = None
) -> nn.Module:
    """The network of a SPEC, in eval mode with frozen weights, for a factory that wraps it.

    `input_spec` gives the sizes of images that a file leaves open. `samples` are images in the form that
    the file expects, on which an ONNX file is compared with onnxruntime, beside noise. Errors as in
    `resolve`.
    """
    return resolve(str(spec), input_spec=input_spec, samples=samples).model


def from_model(
    model: object, *, name: str, spec: str = "", device: str = "cpu", input_spec: InputSpec = MNIST
) -> Subject:
    """The subject of an nn.Module for images of `input_spec`; `spec` is set if a SPEC leads to it.

    ModelError for other objects.
    """
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"expected {name} to return an nn.Module, got {type(model).__name__}; fix it"
        )
    try:
        quiet = frozen(model, device, input_spec)
    except UsageError:
        raise
    except Exception as error:
        raise ModelError(
            f"{name}: expected a model that can be frozen in eval mode, it raised {factory.advice(error)}"
        ) from error
    return Subject(quiet, name, spec, type(model).__name__, device)


def _from_file(spec: str, path: Path, named: str | None, device: str, form: InputSpec) -> Subject:
    if named is None and not path.exists():
        raise WeightsError(f"{path}: expected a weight file, got No such file; pass another")
    manifest, digests = weight_file.read_described(path) if named is None else ({}, {})
    if manifest and _NAME.fullmatch(spec):
        reference_digests.check(spec, path, manifest)
    known = manifest["architecture"] if named is None else named
    if known not in ARCHITECTURES:
        raise UsageError(
            f"expected an architecture of {', '.join(ARCHITECTURES)}, got {known!r:.40}; use one"
        )
    form = weight_file.form_of(manifest, path) if manifest else form
    model = build(known, form)
    digests[path.name], size = weight_file.load_into(model, path, manifest or None)
    return Subject(
        *(frozen(model, device, form), spec if _NAME.fullmatch(spec) else path.stem),
        *(spec, known, device),
        recipe=manifest.get("recipe", {}),
        reference=manifest.get("reference", {}),
        files=digests,
        trained_on=weight_file.training_data(manifest.get("data")),
        weight_file=weight_file.described(path, size, manifest),
    )


def _from_other_format(spec: str, device: str, form: InputSpec, samples: Samples | None) -> Subject:
    path = Path(spec)
    kind, load_file = FORMATS[path.suffix.lower()]
    network, digests, size = load_file(path, form, samples)
    return Subject(
        *(frozen(network, device, form), path.stem, spec, kind, device),
        recipe={f"sha256 of {name}": digest for name, digest in digests.items()},
        files=digests,
        weight_file=WeightFile(format=kind, size=size),
    )


def _from_endpoint(spec: str, device: str, form: InputSpec) -> Subject:
    network = endpoints.load(spec, form)
    name = network.description.name
    return Subject(frozen(network, device, form), name, spec, "endpoint", device)
