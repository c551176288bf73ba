"""ONNX files, untrusted until all checks pass; nothing in them is run here.

The file is read once and checked in this order: size limit; protobuf; operators by an allowlist, no
functions, no subgraphs; tensors, with data in the file or in regular files beside it; onnx's own
checker; one input of images; shapes of all activations, which bound the memory that it needs. Values
that follow from constants alone are computed before the last check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist._util.hashing import sha256
from securemnist.errors import first_line
from securemnist.input_spec import InputSpec
from securemnist.models.formats import onnx_constants, onnx_external, onnx_shapes
from securemnist.models.formats.refusal import AGAIN, FACTORY, content, refused

MAX_NODES = 20_000
DOMAINS = ("", "ai.onnx")
# Those of image classifiers, each without a subgraph. An allowlist, because a converter may look up an
# operator that it does not know by its name in torch.
_NAMES = (
    "Abs Add AveragePool BatchNormalization Cast Ceil Celu Clip Concat Constant ConstantOfShape "
    "Conv ConvTranspose DepthToSpace Div Dropout Elu Equal Erf Exp Expand Flatten Floor Gather Gelu "
    "Gemm GlobalAveragePool GlobalMaxPool Greater GroupNormalization HardSigmoid HardSwish Identity "
    "InstanceNormalization LRN LayerNormalization LeakyRelu Less Log LogSoftmax MatMul Max MaxPool "
    "Mean Min Mish Mul Neg PRelu Pad Pow Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin "
    "ReduceSum Relu Reshape Resize Round Selu Shape Sigmoid Sign Slice Softmax Softplus Softsign "
    "SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile Transpose Unsqueeze Where"
)
OPERATORS = frozenset(_NAMES.split())


@dataclass(frozen=True)
class OnnxFile:
    """A checked ONNX model whose tensors are all in memory, and a copy with its constants `folded`.

    `digests`: the SHA-256 of its files, by name. `size`: their bytes. `images`: the shape of images that
    it takes. `rounding`: the relative error of its coarsest activations.
    """

    model: Any  # onnx.ModelProto
    folded: Any
    digests: dict[str, str]
    size: int
    images: onnx_shapes.Images
    rounding: float


def read(path: Path, spec: InputSpec, onnx: Any) -> OnnxFile:
    """The checked model of the file at `path`, for images of `spec` where it leaves sizes open.

    WeightsError in one sentence for the first failed check.
    """
    packed = content(path)
    try:
        model = onnx.ModelProto.FromString(packed)
    except Exception as error:  # protobuf's DecodeError, by its own name in each implementation
        raise refused(path, "an ONNX model", first_line(error), AGAIN) from error
    if not has_plain_texts(model):
        raise refused(path, "names in UTF-8", "others", AGAIN)
    _check_nodes(path, model)
    _check_opset(path, model, onnx)
    tensors = list(_tensors(model))
    files = {path.name: packed, **onnx_external.load(path, tensors, onnx)}
    try:
        onnx.checker.check_model(model)
        for tensor in tensors:
            onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # the checker's and NumPy's
        raise refused(path, "a valid ONNX model", first_line(error), AGAIN) from error
    images = onnx_shapes.images(path, model, spec, onnx)
    ready = onnx_constants.folded(model, onnx)
    rounding = onnx_shapes.check(path, ready, images, onnx)
    digests = {name: sha256(each) for name, each in files.items()}
    return OnnxFile(model, ready, digests, sum(map(len, files.values())), images, rounding)


def has_plain_texts(message: Any) -> bool:
    """Whether all texts in a message of protobuf, at any depth, are UTF-8; it gives others as bytes."""
    pending = [message]
    while pending:
        for field, value in pending.pop().ListFields():
            values = (
                [value] if isinstance(value, str | bytes) or hasattr(value, "ListFields") else value
            )
            if field.type == field.TYPE_MESSAGE:
                pending += values
            elif field.type == field.TYPE_STRING and any(isinstance(one, bytes) for one in values):
                return False
    return True


def _check_nodes(path: Path, model: Any) -> None:
    graph = model.graph
    if model.functions or graph.sparse_initializer:
        raise refused(path, "operators and dense tensors", "functions or sparse tensors", AGAIN)
    if not 1 <= len(graph.node) <= MAX_NODES:
        raise refused(path, f"1 to {MAX_NODES:,} nodes", f"{len(graph.node):,}", AGAIN)
    unknown = {
        f"{node.domain}.{node.op_type}".lstrip(".")
        for node in graph.node
        if node.domain not in DOMAINS or node.op_type not in OPERATORS
    }
    if unknown:
        names = ", ".join(sorted(unknown)[:5])
        raise refused(path, "operators that have a conversion", names, FACTORY)
    if any(each.HasField("g") or each.graphs for node in graph.node for each in node.attribute):
        raise refused(path, "no subgraphs", "one in a node", FACTORY)


def _check_opset(path: Path, model: Any, onnx: Any) -> None:
    """WeightsError for operators of a version that the installed onnx does not know."""
    newest = onnx.defs.onnx_opset_version()
    for entry in model.opset_import:
        if entry.domain in DOMAINS and entry.version > newest:
            raise refused(path, f"opset {newest} or older", str(entry.version), AGAIN)


def _tensors(model: Any) -> Iterator[Any]:
    """All tensors of the file: weights, and constants of nodes."""
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
