"""Names and calls in a pickle, judged by the allowlist; tensors and storages, by their sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from securemnist.foreign.allowlist import (
    CALLS,
    DTYPES,
    ENCODE,
    ORDERED,
    PARAMETER,
    STORAGES,
    TENSOR_CALLS,
    VALUES,
    is_unread,
)
from securemnist.foreign.machine import OTHER, Container, Machine, Made, Name, Storage, Value
from securemnist.foreign.outcome import malicious, unknown

MAX_TENSOR_BYTES = 512 << 20
_MAX_DIMENSIONS = 16
_KEY_LENGTH = 64


class Step(NamedTuple):
    """One instruction: its name, its argument, its byte, and the member that it is in."""

    opcode: str
    argument: Value
    offset: int
    place: str


def refuse(machine: Machine, step: Step, text: str, name: str = "") -> None:
    """Report what makes the file malicious."""
    machine.report(malicious(text, step.place, opcode=step.opcode, offset=step.offset, name=name))


def unread(machine: Machine, step: Step, text: str, name: str = "") -> None:
    """Report what is not scanned or not imported."""
    machine.report(unknown(text, step.place, opcode=step.opcode, offset=step.offset, name=name))


def words(value: Value) -> str:
    if isinstance(value, Name | Made):
        return f"{value.by if isinstance(value, Made) else value!s:.120}"
    return value.value if isinstance(value, Container) else "a value"


def name(machine: Machine, step: Step, found: Name) -> None:
    """Push a global, and report it where the allowlist does not have it."""
    if found.pair in CALLS or found.pair in VALUES:
        machine.push(found)
        return
    text = f"{found!s:.200}"
    if is_unread(*found.pair):
        unread(machine, step, f"names {text}, which is not imported", text)
    else:
        refuse(machine, step, f"would import {text}, which is not in the allowlist", text)
    machine.push(found)


def call(machine: Machine, step: Step, function: Value, arguments: Value) -> None:
    """Push the result of a call, and report a call that the allowlist does not have."""
    if not isinstance(function, Name):
        refuse(machine, step, f"would call {words(function)}, the result of another instruction")
        machine.push(OTHER)
        return
    machine.push(Made(function))
    if function.pair in CALLS:
        _check_arguments(machine, step, function, arguments)
    elif function.pair in VALUES:
        refuse(machine, step, f"would call {function}, which is not in the allowlist")
    # Other names were reported when they were named.


def build(machine: Machine, step: Step) -> None:
    """The state of an object: only an OrderedDict of a state dict has one, its `_metadata`."""
    machine.pop()
    target = machine.top()
    by = target.by if isinstance(target, Made) else None
    if by is not None and (by.pair == ORDERED or is_unread(*by.pair)):
        return
    refuse(machine, step, f"would set the state of {words(target)}")


def storage(machine: Machine, step: Step, found: Value) -> None:
    """Push the storage that a persistent identifier names; nothing else has one."""
    plain = _storage(found) if machine.torch else None
    if plain is None:
        unread(machine, step, "has a persistent identifier that is no storage of torch")
        machine.push(OTHER)
        return
    if machine.storages.setdefault(plain.key, plain) != plain:
        unread(machine, step, "gives one storage two sizes")
    machine.push(plain)


def _storage(found: Value) -> Storage | None:
    """("storage", class, key, device, count[, None]) as a storage."""
    if not isinstance(found, tuple) or len(found) not in (5, 6) or found[0] != "storage":
        return None
    kind, key, device, count = found[1:5]
    known = isinstance(kind, Name) and kind.pair in STORAGES
    texts = isinstance(key, str) and isinstance(device, str) and 0 < len(key) <= _KEY_LENGTH
    whole = len(found) == 5 or found[5] is OTHER  # a view of another storage is not read
    if not known or not texts or not whole or not _is_count(count):
        return None
    return Storage(key, STORAGES[kind.pair], count)


def _check_arguments(machine: Machine, step: Step, function: Name, arguments: Value) -> None:
    if not isinstance(arguments, tuple):
        unread(machine, step, f"calls {function} without a tuple of arguments")
    elif function.pair in TENSOR_CALLS:
        problem = _tensor_problem(machine, function, arguments)
        if problem:
            unread(machine, step, problem)
    elif function.pair == PARAMETER:
        first = arguments[0] if arguments else None
        if not isinstance(first, Made) or first.by.pair not in TENSOR_CALLS:
            unread(machine, step, "builds a parameter of something that is no tensor")
    elif function.pair == ENCODE and (len(arguments) != 2 or arguments[1] != "latin1"):
        unread(machine, step, "encodes text in another way than as bytes")


def _tensor_problem(machine: Machine, function: Name, arguments: Sequence[Value]) -> str:
    if len(arguments) < 4 or not isinstance(arguments[0], Storage):
        return "builds a tensor without a storage"
    if len(arguments) > TENSOR_CALLS[function.pair]:
        return "builds a tensor with further attributes"
    stored, offset, sizes, strides = arguments[:4]
    item = stored.item
    if function.name.endswith("_v3"):
        kind = arguments[6] if len(arguments) > 6 else None
        if not isinstance(kind, Name) or kind.pair not in DTYPES:
            return "builds a tensor of a type that is not imported"
        item = DTYPES[kind.pair]
    lists = isinstance(sizes, tuple) and isinstance(strides, tuple)
    if not lists or not all(map(_is_count, (offset, *sizes, *strides))):
        return "builds a tensor whose sizes are no numbers"
    if len(sizes) != len(strides) or len(sizes) > _MAX_DIMENSIONS:
        return f"builds a tensor of {len(sizes)} sizes and {len(strides)} strides"
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    values = math.prod(sizes)
    if values and (last + 1) * item > stored.count * stored.item:
        return "builds a tensor that is larger than its storage"
    machine.tensor_bytes += values * item
    if machine.tensor_bytes > MAX_TENSOR_BYTES:
        return f"builds tensors of more than {MAX_TENSOR_BYTES} bytes"
    return ""


def _is_count(value: Value) -> bool:
    return type(value) is int and 0 <= value < 1 << 62
