"""Hostile pickles, one a class of attack: what each would do to an unpickler, and what triage says."""

from __future__ import annotations

import base64
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

from securemnist.foreign.outcome import Outcome
from tests.foreign import opcodes as op
from tests.pickle_trap import PickleTrap

M, U = Outcome.MALICIOUS, Outcome.UNKNOWN
# The file that an attack creates where it runs: in the working folder of the test.
CANARY = "canary"
TOUCH = op.call("os", "mkdir", op.text(CANARY))
GOOD = pickle.dumps({"a": [1, 2.5, "x"]}, 2)
EVIL = op.pickled(TOUCH)


class _State:
    """An object whose state is a call."""

    def __init__(self) -> None:
        self.inner = PickleTrap(Path(CANARY))


def _protocols() -> dict[str, tuple[bytes, Outcome]]:
    return {
        f"protocol {version}": (pickle.dumps([1, PickleTrap(Path(CANARY))], version), M)
        for version in range(6)
    }


def _memo() -> bytes:
    """os.system by names that are stored, removed and stored over."""
    stored = b"Vos\np2\n0Vmkdir\np3\n0Vtorch\np0\n0VLongStorage\np1\n0"
    return stored + b"g2\ng3\n" + op.STACK_GLOBAL + op.MARK + b"V" + CANARY.encode() + b"\ntR."


def _renamed() -> bytes:
    """A memo entry of a harmless name that is stored over before it is used."""
    harmless = op.short("collections") + op.MEMOIZE + op.POP + op.short("os") + b"q\x00" + op.POP
    names = b"h\x00" + op.short("mkdir") + op.STACK_GLOBAL
    return op.pickled(harmless, names, op.short(CANARY), op.TUPLE1, op.REDUCE, version=4)


def _computed() -> bytes:
    """A module whose name is the result of a call."""
    module = op.call("_codecs", "encode", op.text("os"), op.text("latin1"))
    return op.pickled(module, op.short("mkdir"), op.STACK_GLOBAL, version=4)


def _two_calls() -> bytes:
    """The result of one call is called: attrgetter of an imported module."""
    getter = op.call("operator", "attrgetter", op.text("mkdir"))
    module = op.call("builtins", "__import__", op.text("os"))
    return op.pickled(getter, module, op.TUPLE1, op.REDUCE, op.text(CANARY), op.TUPLE1, op.REDUCE)


def _made_called() -> bytes:
    """An allowed call whose result is called."""
    ordered = op.name("collections", "OrderedDict") + op.EMPTY_TUPLE + op.REDUCE
    return op.pickled(ordered, op.EMPTY_TUPLE, op.REDUCE)


def _nested(wrap: Any = bytes) -> bytes:
    return op.pickled(op.call("pickle", "loads", op.data(wrap(EVIL))), version=3)


def _later() -> bytes:
    """A call behind many harmless numbers."""
    return op.pickled(op.MARK, b"K\x01" * 20_000, op.TUPLE, op.POP, TOUCH)


def _frame(length: int) -> bytes:
    body = op.short("os") + op.short("mkdir") + op.STACK_GLOBAL + op.short(CANARY)
    return b"\x80\x04\x95" + length.to_bytes(8, "little") + body + op.TUPLE1 + op.REDUCE + op.STOP


def _built() -> bytes:
    """State for something that is no object of a state dict."""
    return op.pickled(op.name("torch", "Size"), op.EMPTY_DICT, op.BUILD)


def _items() -> bytes:
    """Items set in a name: `sys.modules` by an attribute of an allowed module, were it in the list."""
    return op.pickled(op.name("torch", "float32"), op.MARK, op.text("a"), op.NONE, b"u")


PICKLES: dict[str, tuple[bytes, Outcome]] = {
    **_protocols(),
    "memo with text indices": (_memo(), M),
    "memo entry stored over": (_renamed(), M),
    "module name computed": (_computed(), M),
    "result of a call called": (_two_calls(), M),
    "result of an allowed call called": (_made_called(), M),
    "STACK_GLOBAL of STRING": (b"S'os'\nS'mkdir'\n\x93S'canary'\n\x85R.", M),
    "STACK_GLOBAL of a missing memo entry": (op.pickled(TOUCH, op.POP, b"h\x03\x93"), M),
    "STACK_GLOBAL of a number": (op.pickled(b"K*", op.short("os"), b"\x93"), M),
    "INST": (b"(S'canary'\nios\nmkdir\n.", M),
    "OBJ": (b"(cos\nmkdir\nS'canary'\no.", M),
    "NEWOBJ": (op.pickled(op.name("pathlib", "Path"), op.text("x"), op.TUPLE1, op.NEWOBJ), M),
    "NEWOBJ_EX": (
        op.pickled(
            op.name("subprocess", "Popen"), op.EMPTY_TUPLE, op.EMPTY_DICT, op.NEWOBJ_EX, version=4
        ),
        M,
    ),
    "name without a call": (op.pickled(op.name("os", "system")), M),
    "result removed, harmless value returned": (op.pickled(TOUCH, op.POP, op.NONE), M),
    "BUILD of an object": (pickle.dumps(_State(), 2), M),
    "BUILD of a name": (_built(), M),
    "items set in a name": (_items(), M),
    "items appended to a name": (op.pickled(op.name("torch", "int8"), op.NONE, b"a"), M),
    "storage class called": (op.pickled(op.call("torch", "FloatStorage", b"J\xff\xff\xff\x7f")), M),
    "EXT1": (op.pickled(b"\x82\x01"), M),
    "EXT2": (op.pickled(b"\x83\x01\x01"), M),
    "EXT4": (op.pickled(b"\x84\x01\x01\x01\x01"), M),
    "PERSID": (b"Pmodule:os\n.", U),
    "BINPERSID": (op.pickled(op.text("anything"), b"Q"), U),
    "buffer outside": (op.pickled(b"\x97\x98", version=5), U),
    "FRAME that is too long": (_frame(1 << 40), M),
    "FRAME that is too short": (_frame(1), M),
    "protocol of the future": (op.pickled(op.NONE, version=9), U),
    "second pickle behind STOP": (GOOD + EVIL, M),
    "third pickle behind STOP": (GOOD * 2 + EVIL, M),
    "whitespace behind STOP": (GOOD + b"\n\n\t\t", U),
    "harmless pickle behind STOP": (GOOD + GOOD, U),
    "payload, then a broken stream": (op.proto(2) + TOUCH + b"X\xff\xff\xff\xff", M),
    "payload, then an unknown instruction": (op.proto(2) + TOUCH + b"\xff.", M),
    "payload, then no STOP": (op.proto(2) + TOUCH, M),
    "payload, then an empty stack": (op.proto(2) + TOUCH + b"0000.", M),
    "broken before the payload": (op.proto(2) + b"0" + TOUCH + b".", U),
    "payload behind many numbers": (_later(), M),
    "nested pickle loaded": (_nested(), M),
    "nested pickle, packed by zlib": (_nested(zlib.compress), M),
    "nested pickle as bytes": (op.pickled(op.data(EVIL), version=3), M),
    "nested pickle as base64": (op.pickled(op.text(base64.b64encode(EVIL).decode())), M),
    "nested pickle as hexadecimal digits": (op.pickled(op.text(EVIL.hex())), M),
    "nested pickle of protocol 0": (
        op.pickled(op.data(b"cos\nmkdir\n(Vcanary\ntR."), version=3),
        M,
    ),
    "harmless nested pickle": (op.pickled(op.data(GOOD), version=3), U),
    "names with a NUL": (op.pickled(op.name("os\0", "mkdir")), M),
    "name with dots": (op.pickled(op.name("collections", "OrderedDict.__init__.__globals__")), M),
    "name in Unicode": (op.pickled(op.short("ｏs"), op.short("mkdir"), b"\x93", version=4), M),
    "name with a line break": (op.pickled(op.short("os\n"), op.short("a"), b"\x93", version=4), M),
    "codec of a text": (op.pickled(op.call("_codecs", "encode", op.text("a"), op.text("zip"))), U),
    "objects of NumPy": (op.pickled(op.name("numpy.core.multiarray", "_reconstruct")), U),
    "memo of a thousand million entries": (op.pickled(b"Nr" + (10**9).to_bytes(4, "little")), U),
    "number of a million digits": (b"I" + b"9" * 1_000_000 + b"\n.", U),
    "long of a million digits": (b"L" + b"9" * 1_000_000 + b"L\n.", U),
    "endless marks": (op.pickled(op.MARK * 100_000), U),
    "not UTF-8": (b"cmod\n\xf8\n", U),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), U),
    "empty": (b"", U),
    "random bytes": (bytes(range(255, 0, -1)) * 8, U),
}
assert CANARY not in os.listdir()
