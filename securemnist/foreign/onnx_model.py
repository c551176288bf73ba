"""Triage of ONNX files: operators of ONNX itself, and tensors that lie in the file or beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from securemnist.errors import UsageError, first_line
from securemnist.foreign.outcome import Reason, malicious, unknown
from securemnist.models.formats import extras
from securemnist.models.formats.onnx_external import leads_elsewhere
from securemnist.models.formats.onnx_file import DOMAINS, MAX_NODES, OPERATORS, has_plain_texts
from securemnist.models.formats.refusal import MAX_BYTES

_MAX_DEPTH = 16


def reasons(content: bytes) -> list[Reason]:
    """The reasons of a file; what its external data holds is checked where the model is loaded."""
    try:
        onnx = extras.module("onnx", "onnx")
    except UsageError as error:
        return [unknown(str(error))]
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's DecodeError, by its own name in each implementation
        return [unknown(f"is no ONNX model: {first_line(error):.120}")]
    if not has_plain_texts(model):
        return [unknown("has names that are not UTF-8")]
    found = dict.fromkeys(_node_reasons(model))
    total = 0
    for tensor in _tensors(model):
        size = _size(tensor, onnx)
        total += size
        found.update(dict.fromkeys(_tensor_reasons(tensor, size, onnx)))
    if total > MAX_BYTES:
        found[unknown(f"states more than {MAX_BYTES} bytes of tensors")] = None
    return list(found)


def _graphs(model: Any) -> Iterator[tuple[Any, int]]:
    """All graphs and functions with their depth: the main graph has depth 0."""
    pending = [(model.graph, 0), *((each, 1) for each in model.functions)]
    for info in model.training_info:
        pending += [(info.initialization, 1), (info.algorithm, 1)]
    while pending:
        graph, depth = pending.pop()
        yield graph, depth
        if depth > _MAX_DEPTH:
            continue
        for node in graph.node:
            for attribute in node.attribute:
                inner = [attribute.g] if attribute.HasField("g") else []
                pending += [(each, depth + 1) for each in (*inner, *attribute.graphs)]


def _node_reasons(model: Any) -> Iterator[Reason]:
    count = 0
    for graph, depth in _graphs(model):
        count += len(graph.node)
        if depth > _MAX_DEPTH:
            yield unknown(f"has graphs that nest more than {_MAX_DEPTH} deep")
        elif depth:
            yield unknown("has a graph or a function inside its graph")
        for node in graph.node:
            if node.domain not in DOMAINS:
                text = f"{node.domain}.{node.op_type}"
                yield malicious(f"would run {text:.120}, an operator of other code", name=text)
            elif node.op_type not in OPERATORS:
                yield unknown(f"has the operator {node.op_type:.80}, which is not in the allowlist")
    if model.training_info:
        yield unknown("has graphs for its training")
    if not 1 <= count <= MAX_NODES:
        yield unknown(f"has {count:,} nodes")


def _tensors(model: Any) -> Iterator[Any]:
    for graph, _ in _graphs(model):
        yield from getattr(graph, "initializer", ())
        sparse = [*getattr(graph, "sparse_initializer", ())]
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                sparse += [attribute.sparse_tensor, *attribute.sparse_tensors]
        for each in sparse:
            yield each.values
            yield each.indices


def _size(tensor: Any, onnx: Any) -> int:
    """The bytes that a tensor states, 0 for texts and unknown types."""
    try:
        item = int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except (KeyError, TypeError, ValueError):
        return 0
    return item * math.prod(max(0, int(dim)) for dim in tensor.dims)


def _tensor_reasons(tensor: Any, size: int, onnx: Any) -> Iterator[Reason]:
    place = f"tensor {tensor.name:.60}"
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        locations = [e.value for e in tensor.external_data if e.key == "location"]
        for location in locations or [""]:
            if leads_elsewhere(location):
                yield malicious(f"would read another file, {location!r:.80}", place)
        if len({e.key for e in tensor.external_data}) < len(tensor.external_data):
            yield unknown("names the place of its values twice", place)
        return
    if min(tensor.dims, default=0) < 0:
        yield unknown("has a negative size", place)
    # A tensor of few bits, such as INT4, packs several values into a byte.
    if tensor.HasField("raw_data") and len(tensor.raw_data) != size:
        small = "4" in onnx.TensorProto.DataType.Name(tensor.data_type)
        if not (small and len(tensor.raw_data) <= size):
            yield unknown(f"has {len(tensor.raw_data)} bytes where its shape says {size}", place)
