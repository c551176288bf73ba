"""Names that a pickle of weights may use; everything else is refused.

`CALLS` may be called, `VALUES` only named. The list is shorter than that of torch's own `weights_only`:
what a state dict of plain tensors consists of. `UNREAD` holds names that run no code of the file and
are not imported: objects of NumPy, sparse and quantised tensors, classes of TorchScript.
"""

from __future__ import annotations

import torch

# Bytes of one value, by the names of storages and of types in torch.
_SIZES = {
    8: "DoubleStorage LongStorage float64 int64",
    4: "FloatStorage IntStorage float32 int32",
    2: "HalfStorage BFloat16Storage ShortStorage float16 bfloat16 int16",
    1: "CharStorage ByteStorage BoolStorage int8 uint8 bool",
}
_BYTES = {("torch", name): size for size, names in _SIZES.items() for name in names.split()}
DTYPES = {pair: size for pair, size in _BYTES.items() if not pair[1].endswith("Storage")}
# Of UntypedStorage the file counts bytes.
STORAGES = {pair: size for pair, size in _BYTES.items() if pair not in DTYPES}
STORAGES |= {("torch.storage", "UntypedStorage"): 1}
# Functions that build a tensor, with their number of arguments without attributes of the tensor.
_TENSORS = {"_rebuild_tensor": 4, "_rebuild_tensor_v2": 6, "_rebuild_tensor_v3": 7}
TENSOR_CALLS = {("torch._utils", name): count for name, count in _TENSORS.items()}
PARAMETER = ("torch._utils", "_rebuild_parameter")
ORDERED = ("collections", "OrderedDict")
COUNTER = ("collections", "Counter")
ENCODE = ("_codecs", "encode")
_PLAIN_CALLS = {
    ORDERED,
    COUNTER,
    ENCODE,
    ("torch", "Size"),
    ("torch", "device"),
    *((module, name) for module in ("builtins", "__builtin__") for name in ("set", "complex")),
}
CALLS = frozenset({*TENSOR_CALLS, PARAMETER, *_PLAIN_CALLS})
VALUES = frozenset({*STORAGES, *DTYPES})

# All types, layouts and kinds of quantisation that torch has, such as complex64, sparse_coo and qint8.
_KINDS = " ".join(
    name
    for name, value in vars(torch).items()
    if isinstance(value, torch.dtype | torch.layout | torch.qscheme)
)
_UNREAD = {
    "numpy": "ndarray dtype",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy._core.multiarray": "_reconstruct scalar",
    "torch": f"{_KINDS} QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage "
    "ComplexFloatStorage ComplexDoubleStorage Tensor",
    "torch.serialization": "_get_layout",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch._utils": "_rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor "
    "_rebuild_device_tensor_from_numpy _rebuild_meta_tensor_no_storage _rebuild_wrapper_subclass",
    "torch.nn.parameter": "Parameter",
    "torch.jit._pickle": "build_boollist build_doublelist build_intlist build_tensor_from_id "
    "build_tensorlist restore_type_tag",
}
UNREAD = frozenset((module, name) for module, names in _UNREAD.items() for name in names.split())
# Classes inside a TorchScript archive: no module of Python has this name.
TORCHSCRIPT = "__torch__"


def is_unread(module: str, name: str) -> bool:
    """Whether a name runs no code of the file, but belongs to something that is not imported."""
    return (module, name) in UNREAD or module.partition(".")[0] == TORCHSCRIPT
