"""The import of weights: triage, a confined process, checks, safetensors and a manifest.

A checkpoint from elsewhere is read in one way only. Where a step refuses it there is no other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from securemnist import __version__
from securemnist._util.hashing import json_file, sha256
from securemnist._util.resources import write_new
from securemnist.errors import UsageError
from securemnist.foreign import fitting, formats, process
from securemnist.foreign.outcome import Outcome, Triage
from securemnist.foreign.triage import triage
from securemnist.input_spec import MNIST, InputSpec
from securemnist.models import weight_file
from securemnist.models.architectures import ARCHITECTURES

_ENDING = ".safetensors"
_DIRECT = (formats.KERAS, formats.ONNX, formats.SAFETENSORS)


@dataclass(frozen=True)
class Request:
    """What to import: the file, the new file, and options.

    `key`: the entry that holds the state dict. `architecture`: a name or SPEC that the tensors have to
    fit, for images of `form`. `float32`: whether tensors of 16 bits become float32.
    """

    file: Path
    out: Path
    key: str | None = None
    architecture: str | None = None
    form: InputSpec = MNIST
    float32: bool = False


@dataclass(frozen=True)
class Imported:
    """What was written: the number of tensors and values, and the manifest's entry of the origin."""

    count: int
    values: int
    origin: Mapping[str, Any]


def judge(request: Request) -> tuple[Triage, bytes]:
    """The triage of the file and its bytes; UsageError where a clean file could not be imported."""
    judged, content = triage(request.file)
    if judged.outcome is not Outcome.CLEAN:
        return judged, content
    if judged.kind not in formats.IMPORTED:
        what = (
            "is read as it is, by --model" if judged.kind in _DIRECT else "is clean, not imported"
        )
        raise UsageError(
            f"{request.file}: expected {', '.join(formats.IMPORTED)}, got {judged.kind}, which {what}; "
            "pass a checkpoint"
        )
    if request.out.suffix != _ENDING:
        raise UsageError(f"{request.out}: expected a name that ends with {_ENDING}; change it")
    for path in (request.out, weight_file.manifest_path(request.out)):
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path}: expected a new file, got an existing one; name another")
    return judged, content


def run(request: Request, judged: Triage, content: bytes) -> Imported:
    """Import the tensors of a file that `judge` found clean.

    SecureMnistError where the confined process or a check refuses it; UsageError for tensors that do not
    fit `architecture`, and for an existing file. Nothing is written then.
    """
    if judged.outcome is not Outcome.CLEAN:
        raise UsageError(f"{request.file}: expected a clean file, got {judged.outcome.value}; stop")
    answer = process.read(content, judged.kind, request.key)
    found = process.checked(answer.packed)
    model = fitting.network(request.architecture, request.form) if request.architecture else None
    prefix = fitting.common_prefix(found, model.state_dict() if model else ())
    found = {name.removeprefix(prefix): value for name, value in sorted(found.items())}
    if request.float32:
        found = process.as_float32(found)
    origin = _origin(request, judged, answer.facts, prefix)
    if model is not None and request.architecture is not None:
        fitting.fill(model, found, request.architecture)
    packed, manifest = _packed(request, found, model, origin)
    _write(request.out, packed, manifest)
    return Imported(len(found), sum(each.numel() for each in found.values()), origin)


def _origin(
    request: Request, judged: Triage, facts: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    """Where the weights come from: the file, its triage, and how they were read."""
    versions = {name: metadata.version(name) for name in ("torch", "safetensors", "picklescan")}
    return {
        "file": request.file.name,
        "sha256": judged.sha256,
        "size": judged.size,
        "format": judged.kind,
        "triage": judged.outcome.value,
        "second_opinion": judged.second,
        "confined": f"{facts.get('confined', '')!s:.120}",
        "entry": [f"{key!s:.60}" for key in facts.get("path", [])],
        "left_out": [f"{name!s:.60}" for name in facts.get("left_out", [])],
        "prefix": prefix,
        "float32": request.float32,
        "tools": {"securemnist": __version__, **versions},
    }


def _packed(
    request: Request,
    found: dict[str, torch.Tensor],
    model: torch.nn.Module | None,
    origin: Mapping[str, Any],
) -> tuple[bytes, dict[str, Any]]:
    """The bytes of the weights, and their manifest; that of an architecture makes the file a SPEC."""
    recipe = {"recipe": {"imported": dict(origin)}}
    if model is not None and request.architecture in ARCHITECTURES:
        spec = weight_file.form_entry(request.form)
        return weight_file.packed(
            model, request.out, {"architecture": request.architecture, **spec, **recipe}
        )
    packed = safetensors.torch.save(found)
    facts = {"schema": weight_file.MANIFEST_SCHEMA, "sha256": sha256(packed), "size": len(packed)}
    return packed, {**facts, **recipe}


def _write(out: Path, packed: bytes, manifest: Mapping[str, Any]) -> None:
    """Write manifest and weights, both or none, and over no other file."""
    beside = weight_file.manifest_path(out)
    try:
        write_new(beside, json_file(manifest, sort_keys=True))
        try:
            write_new(out, packed)
        except BaseException:
            beside.unlink()
            raise
    except FileExistsError as error:
        raise UsageError(
            f"{out}: expected a new file, got an existing one; name another"
        ) from error
