"""Scans of reference networks: which sizes the searches find on networks without a backdoor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from securemnist._util import resources
from securemnist._util.files import read_at_most
from securemnist._util.parsing import json_object
from securemnist.backdoor.scan import searches
from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Finite

BUNDLED = resources.FIXTURES / "backdoor-scan.json"
NAME = "scans.json"  # in a folder of the user's own references
CONTROLS = 3  # networks whose weights are kept, to try found triggers on
LEAST = 8  # fewer networks say too little about the spread
_LARGEST = 10_000_000  # bytes that are read

Sizes = Mapping[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class ReferenceNetwork(JsonModel):
    """A network without a backdoor, the SHA-256 of its weights, and sizes by kind of perturbation."""

    name: str
    digest: str
    sizes: dict[str, list[Finite]]

    def tensors(self) -> Sizes:
        """The sizes as tensors (C + 1,)."""
        return {kind: torch.tensor(values) for kind, values in self.sizes.items()}


@dataclass(frozen=True, kw_only=True)
class ReferenceScans(JsonModel):
    """Scans of networks for one task. `data` is the SHA-256 of its test split, `made_by` a command.

    `searches` is the version of the searches, whose sizes are compared with none of another version.
    """

    made_by: str
    searches: int = 1
    data: str
    networks: list[ReferenceNetwork]


def read(path: Path) -> ReferenceScans:
    """The scans in a file or folder; DataError for malformed ones and for too few networks."""
    path = path / NAME if path.is_dir() else path
    try:
        scans = ReferenceScans.from_json(json_object(read_at_most(path, _LARGEST)))
    except (OSError, ValueError) as error:
        raise DataError(
            f"expected scans of reference networks in {path}, got {error}; make the file anew"
        ) from error
    if scans.searches != searches.VERSION:
        raise DataError(
            f"expected scans by version {searches.VERSION} of the searches in {path}, got version "
            f"{scans.searches}; run securemnist calibrate again"
        )
    forms = {tuple((kind, len(v)) for kind, v in sorted(n.sizes.items())) for n in scans.networks}
    positive = all(v > 0 for n in scans.networks for sizes in n.sizes.values() for v in sizes)
    different = len({one.digest for one in scans.networks})
    if different < max(LEAST, len(scans.networks)) or len(forms) != 1 or not positive:
        raise DataError(
            f"expected {LEAST} or more different reference networks with positive sizes of the same "
            f"kinds in {path}, got {different}; make the file anew"
        )
    return scans


def bundled(data: DataSet) -> ReferenceScans | None:
    """The bundled scans if they are of this task, else None."""
    if not BUNDLED.is_file():
        return None
    scans = read(BUNDLED)
    return scans if scans.data == data.digest else None
