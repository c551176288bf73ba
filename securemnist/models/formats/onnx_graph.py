"""A checked ONNX graph made ready for the converter; its meaning stays the same.

Names become numbers, because the converter uses them as attributes. Constants become weights. A fixed
batch size is opened. That the result computes the same is measured afterwards, by onnxruntime.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from securemnist.models.formats.onnx_shapes import real_inputs


def prepared(model: Any, onnx: Any) -> Any:
    """A checked ONNX model, whose constants are weights, made ready for onnx2pytorch: a copy."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    batch = _open_batch(graph)
    _only_used(graph)
    if batch is not None:
        _open_reshapes(graph, batch, onnx)
    _rename(graph)
    return copy


def _open_batch(graph: Any) -> int | None:
    """Leave the batch size of the input open; the size that it had, or None."""
    dim = real_inputs(graph)[0].type.tensor_type.shape.dim[0]
    size = int(dim.dim_value) if dim.HasField("dim_value") else None
    dim.dim_param = "n"
    del graph.value_info[:]
    return size


def _only_used(graph: Any) -> None:
    """Weights that are used alone, and Identity of weights as the weights themselves; no training."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    same: dict[str, str] = {}  # no copies, of which a small file could ask for many
    kept = []
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.input[0] in weights:
            same[node.output[0]] = node.input[0]
        else:
            _remove_inference_mode(node)
            kept.append(node)
    used = {name for node in kept for name in node.input}
    inputs, tensors = real_inputs(graph), [weights[name] for name in weights if name in used]
    for field, values in ((graph.node, kept), (graph.input, inputs), (graph.initializer, tensors)):
        del field[:]
        field.extend(values)


def _remove_inference_mode(node: Any) -> None:
    """Remove the attribute that batch norm is not in training, which the converter does not know."""
    for attribute in [each for each in node.attribute if each.name == "training_mode"]:
        if attribute.i == 0:
            node.attribute.remove(attribute)


def _open_reshapes(graph: Any, batch: int, onnx: Any) -> None:
    """Let reshapes keep the number of samples where the file has a fixed one."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        if node.op_type != "Reshape" or node.input[1] not in weights:
            continue
        shape = [int(size) for size in onnx.numpy_helper.to_array(weights[node.input[1]])]
        if shape and shape[0] == batch:
            # 0 copies the size of the input; -1 is what is left over.
            shape[0] = 0 if -1 in shape else -1
            name = f"{node.input[1]}/{number}"
            graph.initializer.append(onnx.helper.make_tensor(name, 7, [len(shape)], shape))
            node.input[1] = name


def _rename(graph: Any) -> None:
    """Number all values in the order of the graph, so that no name can collide or mean anything."""
    names: dict[str, str] = {"": ""}
    for name in _names(graph):
        names.setdefault(name, f"v{len(names)}")
    for each in (*graph.input, *graph.output, *graph.initializer):
        each.name = names[each.name]
    for node in graph.node:
        node.name = node.doc_string = ""
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]


def _names(graph: Any) -> Iterator[str]:
    for each in (*graph.input, *graph.initializer):
        yield each.name
    for node in graph.node:
        yield from (*node.input, *node.output)
    yield from (each.name for each in graph.output)
