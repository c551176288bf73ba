"""Values that an ONNX graph computes of constants alone, as weights.

Exporters leave such steps in a file: casts of float16 weights, weight norm, the sides of a padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from securemnist.models.formats import extras
from securemnist.models.formats.refusal import MAX_BYTES

# Operators whose output has at most as many values as the inputs, and those that broadcast.
_SMALL = (
    "Abs", "Cast", "Concat", "Exp", "Neg", "Reciprocal", "ReduceL2", "ReduceMean", "ReduceSum", "Reshape",
    "Slice", "Sqrt", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
_BROADCAST = ("Add", "Div", "Mul", "Pow", "Sub")
# The most bytes that a step may read; a value may become four times as long.
_MOST = MAX_BYTES // 4
# The most values that ConstantOfShape makes: those of a shape.
_SHAPE = 64


def folded(model: Any, onnx: Any) -> Any:
    """A copy of a checked ONNX model in which such values are weights, up to a size.

    A step that fails stays.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph, kept, size = copy.graph, [], 0
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        constant = _constant(node, onnx)
        known = node.input and all(name in tensors for name in node.input)
        if constant is None and known and size <= MAX_BYTES:
            constant = _computed(copy, node, [tensors[name] for name in node.input], onnx)
            size += 0 if constant is None else constant.ByteSize()
        if constant is None:
            kept.append(node)
        else:
            tensors[constant.name] = constant
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input} | {each.name for each in graph.output}
    graph.initializer.extend(tensors[name] for name in tensors if name in used)
    return copy


def _constant(node: Any, onnx: Any) -> Any:
    """The tensor of a Constant under the name of its output, or None."""
    values = [each.t for each in node.attribute if each.name == "value"]
    if node.op_type != "Constant" or not values:
        return None
    tensor = onnx.TensorProto()
    tensor.CopyFrom(values[0])
    tensor.name = node.output[0]
    return tensor


def _computed(model: Any, node: Any, tensors: Sequence[Any], onnx: Any) -> Any:
    """The output of one node of these inputs, as a tensor; None where it may be large, or fails."""
    if len(node.output) != 1 or not _is_small(node, tensors, onnx):
        return None
    helper = onnx.helper
    output = helper.make_tensor_value_info(node.output[0], 0, None)
    graph = helper.make_graph([node], "constant", [], [output], tensors)
    single = helper.make_model(graph, opset_imports=model.opset_import)
    try:
        evaluator = extras.module("onnx.reference", "onnx").ReferenceEvaluator
        (value,) = evaluator(single).run(None, {})
        return onnx.numpy_helper.from_array(np.asarray(value), node.output[0])
    except Exception:  # the operator's own; the converter or the comparison meets it again
        return None


def _is_small(node: Any, tensors: Sequence[Any], onnx: Any) -> bool:
    """Whether an output has at most as many values as the inputs, or as a shape."""
    if sum(tensor.ByteSize() for tensor in tensors) > _MOST:  # one tensor may be read many times
        return False
    if node.op_type == "ConstantOfShape":
        shape: list[int] = onnx.numpy_helper.to_array(tensors[0]).tolist()
        return len(shape) == 1 and 0 <= shape[0] <= _SHAPE
    if node.op_type == "Gather":
        return bool(len(tensors[0].dims) == 1)
    if node.op_type in _BROADCAST:
        try:
            both = np.broadcast_shapes(*(tuple(tensor.dims) for tensor in tensors))
        except ValueError:
            return False
        return bool(math.prod(both) <= sum(math.prod(tensor.dims) for tensor in tensors))
    return node.op_type in _SMALL
