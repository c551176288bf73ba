"""Tensors of a checkpoint that triage found clean; in the confined process only."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import safetensors.torch
import torch

from securemnist.foreign import mappings

ARRAYS = "NumPy arrays"
# The head of a .npy file of version 1.0 or 2.0: type, order and shape of the array.
_HEAD = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|\x02\x00....)\{'descr': '([<>|=]?\w+)', "
    rb"'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? *\} *\n",
    re.DOTALL,
)


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
        with zipfile.ZipFile(file) as archive:
            loaded = {
                name.removesuffix(".npy"): torch.from_numpy(_array(archive.read(name)))
                for name in archive.namelist()
            }
    else:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    found = mappings.find(loaded, key, limit)
    facts = {"path": found.path, "left_out": found.left_out}
    return safetensors.torch.save(found.tensors), facts


def _array(content: bytes) -> np.ndarray:
    """The array of a .npy file; ValueError for another header than NumPy writes.

    NumPy's own reader compiles the header, and the confined process ends at compiled code.
    """
    head = _HEAD.match(content)
    if head is None:
        raise ValueError(
            "expected arrays of numbers as numpy.savez writes them, got another header"
        )
    kind, fortran, sides = (part.decode() for part in head.groups())
    shape = [int(side) for side in sides.split(",") if side.strip()]
    values = np.frombuffer(bytearray(content[head.end() :]), kind)
    return values.reshape(shape, order="F" if fortran == "True" else "C")
