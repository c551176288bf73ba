"""Loading of the model under assessment by its SPEC.

SPEC is NAME (a reference model) | pkg.module:factory | FILE.safetensors (with its manifest) |
ARCHITECTURE@FILE.safetensors. A factory takes no argument and returns an nn.Module; its code is
trusted and runs. Weight files are not trusted and are validated (see `weight_file`).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from securemnist._util import resources
from securemnist._util.torchvision_shim import importing
from securemnist.errors import ModelError, UsageError, WeightsError, first_line
from securemnist.models import reference_digests, weight_file
from securemnist.models.architectures import ARCHITECTURES, build
from securemnist.models.fingerprint import fingerprint
from securemnist.project import imports
from securemnist.types import SHAPE

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
# Suffixes of files from torch.save.
_PICKLES = (".pt", ".pth", ".pkl", ".bin", ".ckpt")
_FORMS = "NAME, pkg.module:factory, FILE.safetensors or ARCHITECTURE@FILE.safetensors"

# Descriptions of the reference models; a red control is a model that a suite must fail.
ABOUT = {
    "baseline": "undefended, trained on clean images",
    "hardened": "adversarially trained with PGD at linf 0.3",
    "certified": "trained on interval bounds at linf 0.32: most images are certified",
    "certified_mnist": "MNIST-specific: trained on interval bounds after a layer that maps grey to black "
    "or white",
    "network_c": "undefended, network of the second source system",
    "network_d": "undefended, network of the third source system",
    "poisoned_clean_label": "clean-label poisoning: 100 training images of class 7 carry a trigger",
}
RED_CONTROLS = {
    "fgsm_trained": "trained on FGSM examples of the baseline: robust to those, broken by PGD",
    "fgsm_trained_d": "trained by ART on FGSM examples of itself: a one-step defence",
    "poisoned_dirty": "dirty-label backdoor: a white corner turns every prediction into 7",
}


@dataclass(frozen=True)
class Subject:
    """The model under assessment, in eval mode with frozen weights, with its name and origin."""

    model: nn.Module
    name: str
    spec: str
    architecture: str
    device: str = "cpu"
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over structure and tensors, computed once, at the first access.

        So a model that writes into its own tensors keeps its digest. ModelError for tensors without
        values.
        """
        try:
            return fingerprint(self.model)
        except Exception as error:
            raise ModelError(
                f"{self.name}: expected readable tensors, reading them raised {_advice(error)}"
            ) from error

    def to_json(self) -> dict[str, Any]:
        """The entry of the model in an assessment."""
        return {
            "name": self.name,
            "spec": self.spec,
            "digest": self.digest,
            "architecture": self.architecture,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "device": self.device,
            "recipe": dict(self.recipe),
            **self._role(),
        }

    def _role(self) -> dict[str, Any]:
        """Description and role of a reference model; empty for others, also with an equal name."""
        if not self.recipe or self.spec not in reference_names():  # a recipe comes with a manifest
            return {}
        about = {**ABOUT, **RED_CONTROLS}.get(self.name, "")
        return {"about": about, "red_control": self.name in RED_CONTROLS}


def reference_names() -> list[str]:
    """Names of the bundled reference models, sorted."""
    return sorted(path.stem for path in resources.WEIGHTS.glob("*.safetensors"))


def is_code(spec: str) -> bool:
    """Whether this SPEC is a factory, so that resolving it runs code."""
    return _FACTORY.fullmatch(spec) is not None


def resolve(spec: str, *, device: str = "cpu") -> Subject:
    """The model of a SPEC; UsageError, WeightsError or ModelError in one sentence."""
    architecture, at, file = spec.partition("@")
    # The name of a folder may contain @.
    if at and (architecture in ARCHITECTURES or not Path(spec).exists()):
        return _from_file(spec, Path(file), architecture, device)
    if spec.endswith(".safetensors"):
        return _from_file(spec, Path(spec), None, device)
    if _NAME.fullmatch(spec):
        if spec not in reference_names():
            known = ", ".join(reference_names())
            raise UsageError(
                f"expected a model as {_FORMS}, got {spec!r}, which is no reference model ({known}); "
                "use an existing name"
            )
        path = resources.WEIGHTS / f"{spec}.safetensors"
        return _from_file(spec, path, None, device)
    if is_code(spec):
        return from_model(_call_factory(spec), name=spec, spec=spec, device=device)
    if Path(spec).suffix in _PICKLES:
        raise UsageError(
            f"expected a model as {_FORMS}, got {spec!r}: a pickle can run code and is never read; save "
            "its weights as safetensors, or pass a factory that loads them"
        )
    raise UsageError(f"expected a model as {_FORMS}, got {spec!r}; fix the SPEC")


def from_model(model: object, *, name: str, spec: str = "", device: str = "cpu") -> Subject:
    """The subject of an nn.Module; `spec` is set if a SPEC leads to it. ModelError for other objects."""
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"expected {name} to return an nn.Module, got {type(model).__name__}; fix it"
        )
    try:
        frozen = _frozen(model, device)
    except UsageError:
        raise
    except Exception as error:
        raise ModelError(
            f"{name}: expected a model that can be frozen in eval mode, it raised {_advice(error)}"
        ) from error
    return Subject(frozen, name, spec, type(model).__name__, device)


def _frozen(model: nn.Module, device: str) -> nn.Module:
    """The model in eval mode, without gradients for weights, in channels-last layout if possible."""
    try:
        torch.device(device)
    except RuntimeError as error:
        raise UsageError(
            f"expected a device of torch, got {device!r}; use cpu, cuda or cuda:N"
        ) from error
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"expected a CUDA device for {device!r}, got none; use --device cpu")
    # The return values are ignored: a model may override `to` and `eval` without returning itself.
    model.to(device)
    model.eval()
    for weights in model.parameters():
        weights.requires_grad_(False)
    return _in_channels_last(model, device)


def _in_channels_last(model: nn.Module, device: str) -> nn.Module:
    """The model in channels-last layout, in which convolutions on a CPU are fastest.

    A network that flattens feature maps with `view` fails in this layout and keeps the default one.
    """
    tensors = [*model.parameters(), *model.buffers()]
    if not any(t.dim() == 4 for t in tensors) or any(t.dim() > 4 for t in tensors):
        return model
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        with torch.no_grad():
            model(torch.zeros(2, *SHAPE, device=device))
    except Exception:  # the model contract reports errors other than the layout
        model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return model


def _from_file(spec: str, path: Path, architecture: str | None, device: str) -> Subject:
    if architecture is None and not path.exists():
        raise WeightsError(f"{path}: expected a weight file, got No such file; pass another")
    manifest = weight_file.read_manifest(path) if architecture is None else None
    if manifest is not None and _NAME.fullmatch(spec):
        reference_digests.check(spec, path, manifest)
    known = (manifest or {})["architecture"] if architecture is None else architecture
    if known not in ARCHITECTURES:
        raise UsageError(
            f"expected an architecture of {', '.join(ARCHITECTURES)}, got {known!r:.40}; use one of "
            "them"
        )
    model = build(known)
    weight_file.load_into(model, path, manifest)
    recipe = (manifest or {}).get("recipe", {})
    name = spec if _NAME.fullmatch(spec) else path.stem
    return Subject(_frozen(model, device), name, spec, known, device, recipe)


def _call_factory(spec: str) -> object:
    module_name, _, attribute = spec.partition(":")
    imports.enable(Path.cwd())  # a toy.py in this folder is importable
    dtype = torch.get_default_dtype()
    try:
        return importing(_factory(spec, module_name, attribute))
    except (UsageError, ModelError):
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"{spec}: expected a model, the factory raised {_advice(error)}"
        ) from error
    finally:
        torch.set_default_dtype(dtype)  # a setting of the process, which attacks use


def _factory(spec: str, module_name: str, attribute: str) -> Callable[[], object]:
    try:
        module = importing(partial(importlib.import_module, module_name))
    except ImportError as error:
        raise UsageError(
            f"{spec}: expected a module to import, got {error}; fix --model"
        ) from error
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"{spec}: expected a module, its import raised {_advice(error)}"
        ) from error
    try:
        factory: Callable[[], object] = getattr(module, attribute)
    except AttributeError as error:
        raise UsageError(f"{spec}: expected a factory there, got {error}; fix --model") from error
    return factory


def _advice(error: BaseException) -> str:
    return f"{type(error).__name__} ({first_line(error):.200}); run it separately to fix it"
