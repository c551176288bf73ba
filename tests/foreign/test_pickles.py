"""Triage of pickles: hostile ones are found without being run, plain data is clean."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import time
import tracemalloc
from collections import Counter, OrderedDict
from pathlib import Path

import pytest
import torch

from securemnist.foreign import pickle_stream
from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import judge
from tests.foreign import opcodes as op
from tests.foreign.hostile_names import NAMES
from tests.foreign.hostile_pickles import CANARY, PICKLES


@pytest.mark.parametrize("name", PICKLES)
def test_hostile_pickle_refused(name: str, cwd: Path) -> None:
    """A pickle of each class of attack has its outcome, with a reason, and nothing of it has run."""
    content, outcome = PICKLES[name]
    judged = judge(content)
    assert judged.outcome is outcome, judged.reasons
    assert str(judged.reasons[0])
    assert not Path(CANARY).exists()


def test_every_hostile_name_is_malicious() -> None:
    """Each name of the known attacks is malicious in all four forms, and the reason names it."""
    accepted = []
    for module, name in NAMES:
        forms = {
            "GLOBAL": op.pickled(op.name(module, name)),
            "STACK_GLOBAL": op.pickled(op.short(module), op.short(name), b"\x93", version=4),
            "INST": f"(i{module}\n{name}\n.".encode(),
            "memo": op.pickled(
                *(op.short(module), b"\x94", op.short(name), b"\x94\x93"), version=4
            ),
        }
        for form, content in forms.items():
            reasons = pickle_stream.scan(content).reasons
            if not any(each.outcome is Outcome.MALICIOUS and each.name for each in reasons):
                accepted.append((form, module, name))
    # Text of these two instructions is ASCII; an unpickler stops at other characters, too.
    assert [entry for entry in accepted if "\u200b" not in entry[1]] == []
    assert len(NAMES) > 200


RUNS = """
import io, os, pickle, sys
for number, content in enumerate(pickle.loads(sys.stdin.buffer.read())):
    file = io.BytesIO(content)
    try:
        while True:
            pickle.Unpickler(file).load()
    except BaseException:
        pass
    if os.path.exists("canary"):
        print(number)
        os.rmdir("canary") if os.path.isdir("canary") else os.remove("canary")
"""


def test_payloads_run_under_an_unpickler(tmp_path: Path) -> None:
    """The corpus is real: Python's own unpickler runs the payloads, also those before a broken end."""
    command = [sys.executable, "-I", "-c", RUNS]
    malicious = {
        name: content
        for name, (content, outcome) in PICKLES.items()
        if outcome is Outcome.MALICIOUS and b"torch\n" not in content  # whose import takes long
    }
    contents = pickle.dumps(list(malicious.values()))
    done = subprocess.run(command, cwd=tmp_path, input=contents, capture_output=True, timeout=60)
    ran = {list(malicious)[int(line)] for line in done.stdout.split()}
    assert len(ran) >= 20
    assert {
        "payload, then a broken stream",
        "third pickle behind STOP",
        "INST",
        "protocol 5",
    } <= ran


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_is_clean(protocol: int) -> None:
    """Numbers, texts, bytes and containers are clean in every protocol."""
    value = {"a": [1, 2.5, None, True, 1 << 70], "b": ("x", "é", {3: []}), "c": "gAAA", "d": "80"}
    if protocol > 2:
        value |= {"bytes": b"\x80", "set": {1, 2}, "frozen": {"f": [b"" * 300]}}
    judged = judge(pickle.dumps(value, protocol))
    assert judged.outcome is Outcome.CLEAN, judged.reasons
    assert judged.second.startswith("picklescan 1.")


def test_reason_names_the_instruction() -> None:
    """A reason has the instruction, the name and the byte, also as JSON."""
    judged = judge(op.pickled(op.NONE, op.POP, op.name("os", "system")))
    (reason,) = judged.reasons
    assert (reason.opcode, reason.name, reason.offset) == ("GLOBAL", "os.system", 4)
    assert judged.to_json()["reasons"][0]["offset"] == 4
    assert str(reason) == "byte 4 (GLOBAL): would import os.system, which is not in the allowlist"


def test_values_of_checkpoints_are_clean() -> None:
    """What training scripts store beside weights is clean: counters, sets, sizes, types, bytes."""
    stored = {
        "milestones": Counter([3, 6]),
        "order": OrderedDict(a=1),
        "values": [{1}, b"abc", 1j, torch.Size([2]), torch.device("cpu"), torch.float16],
    }
    packed = io.BytesIO()
    torch.save(stored, packed)
    judged = judge(packed.getvalue())
    assert judged.outcome is Outcome.CLEAN, judged.reasons


BOMBS = {
    "too many instructions": lambda: op.pickled(b"N0" * 20_000),
    "shared lists": lambda: op.pickled(*([b"(" * 10, b"]", *[b"2" * 9 + b"l"] * 10])),
    "a text that states 4 GiB": lambda: b"\x80\x02X\xff\xff\xff\xff" + b"a" * 1_000,
    "bytes that state an exabyte": lambda: b"\x80\x04\x8e" + (1 << 60).to_bytes(8, "little"),
    "nested ten deep": lambda: _nested(10),
    "a memo of four million": lambda: op.pickled(b"Nr\x00\x00\x3f\x00"),
}


def _nested(depth: int) -> bytes:
    content = op.pickled(op.NONE)
    for _ in range(depth):
        content = op.pickled(op.data(content), version=3)
    return content


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_bounded_time_and_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that asks for much memory or time is judged in seconds and 200 MB."""
    monkeypatch.setattr(pickle_stream, "MAX_INSTRUCTIONS", 10_000)
    content = BOMBS[name]()
    tracemalloc.start()
    begun = time.process_time()
    judged = judge(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert judged.outcome in (Outcome.UNKNOWN, Outcome.CLEAN)
    assert time.process_time() - begun < 30
    assert peak < 200 << 20


def test_many_reasons_are_cut_and_malicious_ones_kept() -> None:
    """A file with thousands of reasons shows few of them, and one malicious name among them counts."""
    harmless = b"".join(op.name("numpy", "dtype") + op.POP for _ in range(5_000))
    others = b"".join(op.text(f"q{i}") + b"Q0" for i in range(200))
    judged = judge(op.pickled(others, harmless, op.name("os", "system")))
    assert judged.outcome is Outcome.MALICIOUS
    assert judged.reasons[0].name == "os.system"
    assert len(judged.reasons) <= 20
