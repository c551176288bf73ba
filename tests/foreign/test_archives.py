"""Triage of archives: whatever two readers could understand differently is no clean file."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from securemnist.foreign import instructions, pickle_stream, zip_layout
from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import judge, triage
from tests.foreign import opcodes as op
from tests.foreign.checkpoints import STATE, checkpoint, saved
from tests.foreign.hostile_archives import ARCHIVES, GOOD
from tests.foreign.hostile_pickles import CANARY, PICKLES


@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archive_refused(name: str, cwd: Path) -> None:
    """An archive of each class of attack has its outcome, with a reason, and nothing of it has run."""
    build, outcome = ARCHIVES[name]
    judged = judge(build())
    assert judged.outcome is outcome, judged.reasons
    assert not Path(CANARY).exists()


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_program_of_torchscript_is_not_malicious() -> None:
    """What torch.jit.save writes could not be scanned; with a payload beside it, it is malicious.

    Its source begins like a pickle (`class`), and its notes for debugging name functions of torch.
    """
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten())
    for program in (torch.jit.trace(net, torch.rand(1, 1, 5, 5)), torch.jit.script(net)):
        torch.jit.save(program, file := io.BytesIO())
        judged = judge(file.getvalue())
        assert judged.outcome is Outcome.UNKNOWN, judged.reasons
        assert any("part of a TorchScript program" in each.text for each in judged.reasons)
    hidden = checkpoint(code_S_m__py=b"class A:\n    pass\n", code_S_n__py=PICKLES["protocol 2"][0])
    assert judge(hidden).outcome is Outcome.MALICIOUS


@pytest.mark.parametrize("name", PICKLES)
def test_hostile_pickle_in_a_checkpoint_refused(name: str) -> None:
    """Each hostile pickle is refused as the pickle of a checkpoint, too, and as a legacy checkpoint."""
    content, outcome = PICKLES[name]
    for packed in (checkpoint(content), ARCHIVES["legacy, data behind"][0]() + content):
        judged = judge(packed)
        assert judged.outcome is not Outcome.CLEAN
    assert judge(checkpoint(content)).outcome is outcome


TENSORS = {
    "larger than the storage": op.tensor(sizes=[5]),
    "larger by its offset": op.tensor(offset=1),
    "larger by its stride": op.tensor(sizes=[2], strides=[4]),
    "expanded to a terabyte": op.tensor(sizes=[1 << 38], strides=[0]),
    "of negative size": op.tensor(sizes=[-1]),
    "of overflowing size": op.tensor(sizes=[1 << 40, 1 << 40], strides=[0, 0]),
    "of two sizes and one stride": op.tensor(sizes=[2, 2], strides=[1]),
    "without a storage": op.tensor(op.NONE),
    "with attributes": op.tensor(attributes=op.EMPTY_DICT),
    "of a storage with two sizes": op.tensor() + op.POP + op.tensor(op.storage(count=3), sizes=[3]),
    "of a negative storage": op.tensor(op.storage(count=-4)),
    "of an unknown storage class": op.tensor(op.storage(kind="float32")),
    "of a quantised storage": op.tensor(op.storage(kind="QInt8Storage")),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensor_outside_its_storage_refused(name: str) -> None:
    """A tensor that would read or allocate beyond its storage is found before torch builds it."""
    judged = judge(checkpoint(op.state_dict({"w": TENSORS[name]})))
    assert judged.outcome is Outcome.UNKNOWN, judged.reasons


def test_no_type_of_torch_is_malicious() -> None:
    """A checkpoint that names a type, a layout or a kind of quantisation is not called malicious."""
    kinds = [each for each in vars(torch).values() if isinstance(each, torch.dtype | torch.qscheme)]
    judged = judge(saved({"kinds": kinds}))
    assert judged.outcome is Outcome.UNKNOWN, judged.reasons
    assert len(kinds) > 30


def test_checkpoints_are_clean() -> None:
    """Archives that torch and these tests write are clean, in both forms, by picklescan, too."""
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    for content in (GOOD, saved(net.state_dict()), saved(net.state_dict(), zipped=False)):
        judged = judge(content)
        assert judged.outcome is Outcome.CLEAN, judged.reasons
        assert judged.second.endswith("no objection")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_numbers_are_clean(save: object) -> None:
    """An `.npz` of numbers is clean, compressed or not."""
    packed = io.BytesIO()
    save(packed, a=np.zeros((3, 4), np.float32), b=np.arange(5))  # type: ignore[operator]
    judged = judge(packed.getvalue())
    assert (judged.outcome, judged.kind) == (Outcome.CLEAN, "NumPy arrays"), judged.reasons


def test_every_changed_byte_of_a_header_is_found() -> None:
    """No byte of the ZIP structures of a checkpoint can be changed without a reason, dates apart."""
    unused = set()
    for place in range(len(GOOD)):
        changed = GOOD[:place] + bytes([GOOD[place] ^ 0xFF]) + GOOD[place + 1 :]
        if judge(changed).outcome is Outcome.CLEAN:
            unused.add(place)
    free = set()
    for name in ("data.pkl", "byteorder", "data/0", "version"):
        first, last = (
            GOOD.index(f"archive/{name}".encode()),
            GOOD.rindex(f"archive/{name}".encode()),
        )
        free |= {first - 30 + i for i in (4, 5, 10, 11, 12, 13)}  # version needed, time, date
        # Version, time, date, disk, attributes: no reader finds or reads a member by them.
        free |= {last - 46 + i for i in (4, 5, 6, 7, 12, 13, 14, 15, *range(34, 42))}
    assert unused <= free


def test_the_page_names_every_class() -> None:
    """docs/import.md has the table that `python -m tests.foreign.corpus` writes."""
    from tests.foreign import corpus

    assert corpus.table() in corpus.PAGE.read_text()


def test_every_changed_byte_of_a_pickle_is_judged() -> None:
    """No change of one byte of a clean pickle raises an error, in an archive and as a legacy file."""
    legacy = saved({"w": torch.arange(4.0)}, zipped=False)
    for other in (0x01, 0x80, 0xFF):
        for place in range(len(STATE)):
            state = STATE[:place] + bytes([STATE[place] ^ other]) + STATE[place + 1 :]
            assert judge(checkpoint(state)).kind == "torch checkpoint"
        for place in range(len(legacy)):
            judge(legacy[:place] + bytes([legacy[place] ^ other]) + legacy[place + 1 :])


WHOLE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
HEADERS: dict[str, dict[str, Any]] = {
    "data before the first tensor": {"w": {**WHOLE, "data_offsets": [4, 8]}},
    "two tensors in one place": {"w": WHOLE, "v": WHOLE},
    "another shape": {"w": {**WHOLE, "shape": [1 << 40]}},
    "an unknown type": {"w": {**WHOLE, "dtype": "PICKLE"}},
    "a negative place": {"w": {**WHOLE, "data_offsets": [-4, 4]}},
    "a place in words": {"w": {**WHOLE, "data_offsets": ["0", "4"]}},
    "data behind the last tensor": {"w": {**WHOLE, "data_offsets": [0, 4]}, "b": b"\x80\x04N."},
}


@pytest.mark.parametrize("name", HEADERS)
def test_safetensors_with_other_content_refused(name: str) -> None:
    """A header whose tensors do not fill the file, type by type, is no clean file."""
    header = dict(HEADERS[name])
    extra = header.pop("b", b"")
    ends = [entry["data_offsets"][1] for entry in header.values()]
    body = bytes(max(map(int, ends))) + extra
    text = json.dumps(header).encode()
    judged = judge(len(text).to_bytes(8, "little") + text + body)
    assert (judged.outcome, judged.kind) == (Outcome.UNKNOWN, "safetensors")


def test_whole_safetensors_are_clean() -> None:
    """Tensors of each type that safetensors writes, and a file without any, are clean."""
    types = (torch.float64, torch.bfloat16, torch.bool, torch.uint8, torch.float8_e5m2)
    tensors = {str(kind): torch.zeros(3, dtype=torch.float32).to(kind) for kind in types}
    for content in (tensors, {}):
        assert judge(safetensors.torch.save(content)).outcome is Outcome.CLEAN


def test_an_array_of_negative_size_refused() -> None:
    """Two negative sizes, whose product is that of the data, are no shape."""
    packed = io.BytesIO()
    np.save(packed, np.zeros((1, 2)))
    content = packed.getvalue().replace(b"(1, 2), ", b"(-1, -2)")
    assert judge(content).outcome is Outcome.UNKNOWN


def test_unpacked_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive is not unpacked beyond the limit, however small it is."""
    monkeypatch.setattr(zip_layout, "MAX_UNPACKED", 100_000)
    content = checkpoint(compressed=True, weights=bytes(1 << 22))
    begun = time.process_time()
    layout = zip_layout.read(content)
    assert any("unpacks to more than 100000 bytes" in each.text for each in layout.problems)
    assert all(len(member.content) <= 100_000 for member in layout.members)
    assert time.process_time() - begun < 5


def test_instructions_of_a_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickles in all members share one limit: each further one is not scanned, so never clean."""
    monkeypatch.setattr(pickle_stream, "MAX_OF_FILE", 10_000)
    packed, followed = io.BytesIO(), []
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(200):
            archive.writestr(f"{number}.pkl", op.pickled(b"N0" * 2_000))
    wrapped = instructions.HANDLERS["POP"]
    monkeypatch.setitem(
        pickle_stream.HANDLERS,  # type: ignore[arg-type]
        "POP",
        lambda machine, step: (followed.append(1), wrapped(machine, step)),
    )
    assert judge(packed.getvalue()).outcome is Outcome.UNKNOWN
    assert 0 < len(followed) <= 10_000
    followed.clear()
    assert judge(op.pickled(b"N0" * 2_000, b"N")).outcome is Outcome.CLEAN  # each file has its own
    assert len(followed) >= 2_000


def test_large_file_is_not_read(tmp_path: Path) -> None:
    """A file above the limit could not be scanned; a missing one is an error of use."""
    path = tmp_path / "large.pt"
    with path.open("wb") as file:
        file.truncate((512 << 20) + 1)
    assert triage(path)[0].outcome is Outcome.UNKNOWN


def test_disagreement_with_picklescan_is_no_clean_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean file that picklescan objects to, or fails on, could not be scanned."""
    from picklescan import scanner

    result = scanner.ScanResult([scanner.Global("os", "x", scanner.SafetyLevel.Dangerous)], 1, 1, 1)
    monkeypatch.setattr(scanner, "scan_bytes", lambda *_: result)
    judged = judge(GOOD)
    assert judged.outcome is Outcome.UNKNOWN
    assert "objects to it (os.x)" in judged.reasons[0].text

    def fails(*_: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(scanner, "scan_bytes", fails)
    assert judge(GOOD).outcome is Outcome.UNKNOWN
    assert STATE in GOOD
