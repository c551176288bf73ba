"""Tensors of a checkpoint that triage found clean; in the confined process only."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import safetensors.torch
import torch

from securemnist.foreign import mappings

ARRAYS = "NumPy arrays"


def warm_up() -> None:
    """Use every reader once, so that all modules that they need are imported."""
    torch.set_num_threads(1)
    weights = OrderedDict(w=torch.nn.Parameter(torch.zeros(2)), b=torch.zeros(2).bfloat16())
    others = [torch.Size([1]), torch.device("cpu"), torch.float16, Counter("a"), {1}, b"a", 1j, 1.5]
    state = {"state_dict": weights, "others": others}
    for zipped in (True, False):
        packed = io.BytesIO()
        torch.save(state, packed, _use_new_zipfile_serialization=zipped)
        read(packed.getvalue(), "", None, 1 << 10)
    arrays = io.BytesIO()
    np.savez_compressed(arrays, w=np.zeros(2, np.float16))
    read(arrays.getvalue(), ARRAYS, None, 1 << 10)
    try:
        read(b"\x80\x02]q\x00.", "", None, 1 << 10)  # the path of errors imports, too
    except Exception as error:
        str(error)


def read(content: bytes, kind: str, key: str | None, limit: int) -> tuple[bytes, dict[str, Any]]:
    """The state dict of a checkpoint as safetensors, and how it was found.

    ValueError where there is none, or what torch raises for a file that `weights_only` refuses.
    """
    file = io.BytesIO(content)
    if kind == ARRAYS:
        with np.load(file, allow_pickle=False) as archive:
            loaded = {name: torch.from_numpy(archive[name]) for name in archive.files}
    else:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    found = mappings.find(loaded, key, limit)
    facts = {"path": found.path, "left_out": found.left_out}
    return safetensors.torch.save(found.tensors), facts
