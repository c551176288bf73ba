"""Damage to files of each form: JSON, TOML, bytes, headers, IDX, NPZ and lines."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import warnings
import zipfile
from typing import Any

import numpy as np

NASTY = (
    *(
        "null",
        "true",
        "-1",
        "0",
        "1e308",
        "-1e308",
        "1e999",
        "5e-324",
        "NaN",
        "-Infinity",
        "9" * 40,
    ),
    *("9" * 5_000, '""', '"x"', '"' + "x" * 20_000 + '"', "[]", "{}", "[[]]", '{"a": 1, "a": 2}'),
    *('"\\ud800"', '"\\u0000\\u001b[2J"', '"../../etc/passwd"', '"{{ 7 * 7 }}"', "[" * 2_000),
    *('"<script>alert(1)</script>"', '"\\u202e"', "2.5", "1e-400", "-0.0", '{"__class__": "os"}'),
)
TOML_NASTY = (
    *("nan", "inf", "-1", "0", "1e308", "true", '""', "[]", "{}", "9" * 40, "0x" + "f" * 5_000),
    *("[" * 500 + "]" * 500, "{a = " * 300 + "1" + "}" * 300, "1979-05-27", '"\\u0000"', "'../..'"),
    *("'''", '"""', "[[[", '"' + "x" * 3_000 + '"', "[1, 'a', {b = 2}]", "0.1.2", "a." * 9_000),
)


def json_damage(good: bytes, rng: random.Random) -> bytes:
    """One to three values or keys of a JSON text replaced, removed or doubled, or its bytes damaged."""
    if rng.random() < 0.2:
        return byte_damage(good, rng)
    value = json.loads(good)
    marks: dict[str, str] = {}
    for number in range(rng.randint(1, 3)):
        at, places = value, []
        while isinstance(at, dict | list) and at and (not places or rng.random() < 0.8):
            key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
            places.append((at, key))
            at = at[key]
        if not places:
            continue
        holder, key = places[-1]
        mark = f"@mark{number}@"
        marks[f'"{mark}"'] = rng.choice(NASTY)
        what = rng.random()
        if what < 0.2:
            del holder[key]
        elif what < 0.3 and isinstance(holder, dict):
            holder[mark] = holder.pop(key)
            marks[f'"{mark}"'] = '"\\u001b]0;x' + "k" * rng.choice([1, 200, 20_000]) + '"'
        elif what < 0.4 and isinstance(holder, list):
            holder += [at] * rng.choice([1, 50])
        else:
            holder[key] = mark
    text = json.dumps(value)
    for mark, nasty in marks.items():
        text = text.replace(mark, nasty)
    return text.encode()


def toml_damage(good: bytes, rng: random.Random) -> bytes:
    """Values and lines of a TOML text replaced, doubled or removed."""
    lines = good.decode().splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        what = rng.random()
        if what < 0.6 and "=" in lines[at]:
            lines[at] = f"{lines[at].split('=')[0]}= {rng.choice(TOML_NASTY)}"
        elif what < 0.7:
            lines.insert(at, lines[at])
        elif what < 0.8:
            lines.insert(at, f"{rng.choice(TOML_NASTY)} = 1")
        else:
            del lines[at]
            lines = lines or [""]
    content = "\n".join(lines).encode()
    return byte_damage(content, rng) if rng.random() < 0.2 else content


def byte_damage(good: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, cut, inserted or repeated."""
    content = bytearray(good)
    for _ in range(rng.randint(1, 4)):
        at, what = rng.randrange(len(content) + 1), rng.random()
        if what < 0.4 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif what < 0.6:
            del content[at:]
        elif what < 0.8:
            content[at:at] = rng.randbytes(rng.choice([1, 4, 100]))
        else:
            content += content[:at]
    return bytes(content)


def header_damage(good: bytes, rng: random.Random) -> bytes:
    """The JSON header of safetensors damaged, its length, or the bytes of the file."""
    (length,) = struct.unpack("<Q", good[:8])
    header, tensors = good[8 : 8 + length], good[8 + length :]
    what = rng.random()
    if what < 0.6:
        header = json_damage(header, rng)
        return struct.pack("<Q", len(header)) + header + tensors
    if what < 0.8:
        wrong = rng.choice([0, 1, 7, len(good), 2**31, 2**63 - 1, 2**64 - 1, rng.randrange(2**20)])
        return struct.pack("<Q", wrong) + good[8:]
    return byte_damage(good, rng)


def idx_damage(good: bytes, rng: random.Random) -> bytes:
    """A field of the IDX header replaced, or bytes damaged; half of them packed, some damaged then."""
    content = bytearray(good)
    if rng.random() < 0.6:
        field = 4 * rng.randrange(4)
        wrong = rng.choice([0, 1, 27, 2049, 2051, 2**31 - 1, 2**32 - 1, rng.randrange(2**32)])
        content[field : field + 4] = struct.pack(">I", wrong)
    else:
        content = bytearray(byte_damage(good, rng))
    if rng.random() < 0.5:
        packed = gzip.compress(bytes(content), 1, mtime=0)
        return byte_damage(packed, rng) if rng.random() < 0.5 else packed
    return bytes(content)


_EXAMPLES = {"places": np.arange(5), "images": np.zeros((5, 1, 28, 28), "f4")}


def npz_damage(good: bytes, rng: random.Random, arrays: dict[str, Any] = _EXAMPLES) -> bytes:
    """Members of the archive with another name, header or content, or bytes of it damaged."""
    if rng.random() < 0.4:
        return byte_damage(good, rng)
    file = io.BytesIO()
    name = rng.choice(list(arrays))
    wrong: list[Any] = [
        np.array([{"a": 1}], dtype=object),
        np.zeros((0,)),
        np.full((5,), np.nan),
        np.arange(5)[::-1],
        np.arange(5) + rng.choice([-3, 2**40]),
        np.zeros((5, 28, 28), "f4"),
        np.array("x" * 100),
        np.zeros((5_000_000,), "i1"),
    ]
    with zipfile.ZipFile(file, "w", rng.choice([0, 8])) as archive:
        for member, array in arrays.items():
            content = io.BytesIO()
            np.save(content, rng.choice(wrong) if member == name else array, allow_pickle=True)
            archive.writestr(f"{member}.npy", content.getvalue())
        if rng.random() < 0.2:
            with warnings.catch_warnings():  # zipfile warns of a name that is there twice
                warnings.simplefilter("ignore")
                archive.writestr(rng.choice(["../x", "places.npy", "y.npy"]), b"x")
    return file.getvalue()


def line_damage(good: bytes, rng: random.Random) -> bytes:
    """Damaged entries between good ones."""
    lines = good.splitlines()
    lines.insert(rng.randrange(len(lines) + 1), json_damage(lines[0], rng).replace(b"\n", b" "))
    return b"\n".join(lines) + b"\n"
