"""Files of a repair: the new weights, their manifest and the measurement, all or none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from securemnist import __version__
from securemnist._util.files import writing
from securemnist._util.hashing import json_file
from securemnist._util.resources import write_new
from securemnist.data import DataSet, Samples
from securemnist.errors import Inconclusive, UsageError
from securemnist.models import weight_file
from securemnist.models.architectures import ARCHITECTURES
from securemnist.models.loading import Subject

_ENDING = ".safetensors"


@dataclass(frozen=True)
class Request:
    """What was asked for: the model, the new file, the data with the clean images, the method."""

    subject: Subject
    out: Path
    data: DataSet
    clean: Samples
    method: str
    seed: int

    def origin(self) -> dict[str, Any]:
        """The manifest's entry of the repair, with the digests of the repaired weights."""
        return {
            "model": self.subject.name,
            "sha256": dict(self.subject.files),
            "method": self.method,
            "seed": self.seed,
            "clean_images": len(self.clean),
            "clean_data": {"name": self.data.name, "digests": dict(self.data.digests)},
            "securemnist": __version__,
        }


def measurement_path(out: Path) -> Path:
    """The path of the measurement: NAME.repair.json beside NAME.safetensors."""
    return out.with_suffix(".repair.json")


def check_out(out: Path) -> None:
    """UsageError where the new files have a wrong name or exist already."""
    if out.suffix != _ENDING:
        raise UsageError(
            f"{out}: expected a name that ends with {_ENDING}, got another; change --out"
        )
    for path in (out, weight_file.manifest_path(out), measurement_path(out)):
        if path.exists() or path.is_symlink():
            raise UsageError(
                f"{path}: expected a new file, got an existing one; name another with --out"
            )


def check_subject(subject: Subject) -> None:
    """UsageError for a model whose repaired weights no weight file can hold."""
    if subject.architecture not in ARCHITECTURES:
        raise UsageError(
            f"expected a weight file of an architecture of {', '.join(ARCHITECTURES)}, got "
            f"{subject.spec} ({subject.architecture}); import its weights with --architecture first"
        )


def write(request: Request, model: nn.Module, measurement: Mapping[str, Any]) -> dict[str, Any]:
    """Write the three files, the weights last; returns the manifest. UsageError where that fails.

    Inconclusive, and nothing written, where the repair diverged.
    """
    if not all(torch.isfinite(value).all() for value in model.state_dict().values()):
        raise Inconclusive(
            f"expected finite weights after the repair by {request.method}, got others, so nothing was "
            "written; use another --method or more --images"
        )
    subject, out = request.subject, request.out
    content, manifest = weight_file.packed(
        model,
        out,
        {
            "name": out.stem,
            "architecture": subject.architecture,
            "recipe": {"repaired": request.origin()},
            **({"data": dict(subject.trained_on)} if subject.trained_on else {}),
            **weight_file.form_entry(request.data.spec),
        },
    )
    record = {
        "file": out.name,
        "sha256": manifest["sha256"],
        "repaired": request.origin(),
        **measurement,
    }
    parts = {
        measurement_path(out): json_file(record, sort_keys=True),
        weight_file.manifest_path(out): json_file(manifest, sort_keys=True),
        out: content,
    }
    with writing(out, "name another file with --out"):
        _write_all(parts)
    return manifest


def _write_all(parts: Mapping[Path, bytes]) -> None:
    """Write new files in this order, all or none of them."""
    written: list[Path] = []
    try:
        for path, content in parts.items():
            write_new(path, content)
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
