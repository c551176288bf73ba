"""Weight files: safetensors bytes and a JSON manifest, both hostile until every check has passed.

One byte string is read once and checked in this order: size cap, SHA-256 against the manifest,
header length, header JSON without duplicate keys, names, dtypes and shapes of the architecture,
offsets contiguous to the end, parse, all finite, strict load, canary inputs give the recorded logits.
There is no fallback: the first failed check is one WeightsError. Nothing here can run a pickle.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from securemnist.digests import sha256
from securemnist.errors import WeightsError
from securemnist.resources import read_at_most, write_atomically
from securemnist.types import Images

MAX_WEIGHTS = 256 << 20
MAX_MANIFEST = 1 << 20
MAX_HEADER = 1 << 20
MANIFEST_SCHEMA = 1
_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.uint8: "U8"}
_ADVICE = "train it again or restore the file"


def canary_inputs() -> Images:
    """Eight fixed images, from integer arithmetic alone, (8, 1, 28, 28) in [0, 1]."""
    index = torch.arange(8 * 784, dtype=torch.int64)
    pixels = (index * 2654435761 + index // 784 * 40503) % 256
    return pixels.view(8, 1, 28, 28).float() / 255


def dump(model: nn.Module) -> bytes:
    """The state of a model as safetensors bytes; equal weights give equal bytes."""
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    return safetensors.torch.save(state)


def save(model: nn.Module, path: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Write weights and manifest (schema, sha256, size and canary logits are added); atomically."""
    content = dump(model)
    full = {
        **manifest,
        "schema": MANIFEST_SCHEMA,
        "sha256": sha256(content),
        "size": len(content),
        "canary": [[round(v, 6) for v in row] for row in _canary(model).tolist()],
    }
    write_atomically(path, content)
    text = json.dumps(full, indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(manifest_path(path), text.encode())
    return full


def manifest_path(path: Path) -> Path:
    """The manifest lies beside its weights: NAME.safetensors, NAME.json."""
    return path.with_suffix(".json")


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of the weights at `path`; WeightsError where it is missing or ill-formed."""
    beside = manifest_path(path)
    content = _read(beside, MAX_MANIFEST, "a manifest")
    manifest = _parse_json(content, beside)
    kinds = {"schema": int, "sha256": str, "architecture": str, "canary": list, "recipe": dict}
    found = {"recipe": {}, **manifest}
    for key, kind in kinds.items():
        if not isinstance(found.get(key), kind):
            raise WeightsError(
                f"{beside}: expected {key!r} as {kind.__name__}, got {found.get(key)!r:.40}; {_ADVICE}"
            )
    if manifest["schema"] != MANIFEST_SCHEMA:
        raise WeightsError(
            f"{beside}: expected schema {MANIFEST_SCHEMA}, got {manifest['schema']!s:.40}; {_ADVICE}"
        )
    return manifest


def load_into(model: nn.Module, path: Path, manifest: Mapping[str, Any] | None) -> None:
    """Fill `model` from the file, or raise WeightsError and leave it unused.

    Without a manifest (a bare ARCHITECTURE@FILE) digest and canary have nothing to be held against;
    every other check still applies.
    """
    content = _read(path, MAX_WEIGHTS, "a weight file")
    if manifest is not None and sha256(content) != manifest["sha256"]:
        raise WeightsError(
            f"{path}: expected SHA-256 {manifest['sha256'][:12]}... of its manifest, got "
            f"{sha256(content)[:12]}...; {_ADVICE}"
        )
    _check_header(content, model, path)
    try:
        state = safetensors.torch.load(content)
    except Exception as error:  # whatever the parser raises, the file is not to be used
        raise WeightsError(
            f"{path}: expected safetensors, got {error!s:.200}; {_ADVICE}"
        ) from error
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(
                f"{path}: expected finite weights, got NaN or inf in {name!r}; {_ADVICE}"
            )
    model.load_state_dict(state, strict=True)
    if manifest is not None:
        _check_canary(model, manifest["canary"], path)


def _read(path: Path, cap: int, what: str) -> bytes:
    try:
        return read_at_most(path, cap)
    except OSError as error:
        raise WeightsError(
            f"{path}: expected {what}, got {error.strerror}; name another"
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object hook that refuses duplicate keys, which parsers resolve differently."""
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"duplicate key {key!r:.40}")
        seen[key] = value
    return seen


def _parse_json(content: bytes, path: Path) -> dict[str, Any]:
    try:
        data = json.loads(content, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: expected JSON, got {error}; {_ADVICE}") from error
    if not isinstance(data, dict):
        raise WeightsError(f"{path}: expected a JSON object, got {type(data).__name__}; {_ADVICE}")
    return data


def _check_header(content: bytes, model: nn.Module, path: Path) -> None:
    """Header length, JSON, names, dtypes, shapes and offsets are exactly the architecture's."""
    if len(content) < 8:
        raise WeightsError(
            f"{path}: expected a safetensors header, got {len(content)} bytes; {_ADVICE}"
        )
    (length,) = struct.unpack("<Q", content[:8])
    if length > MAX_HEADER or 8 + length > len(content):
        raise WeightsError(
            f"{path}: expected a header inside the file, got a length of {length} bytes (is this a "
            f"pickle, or truncated?); {_ADVICE}"
        )
    header = _parse_json(content[8 : 8 + length], path)
    header.pop("__metadata__", None)
    expected = {n: (_DTYPES.get(t.dtype), list(t.shape)) for n, t in model.state_dict().items()}
    if set(header) != set(expected):
        odd = ", ".join(sorted(set(header) ^ set(expected))[:4])
        if {name.removeprefix("module.") for name in header} == set(expected):
            raise WeightsError(
                f"{path}: expected the tensors of the architecture, got names that begin with 'module.' "
                "(saved from DataParallel); save model.module.state_dict()"
            )
        raise WeightsError(
            f"{path}: expected the tensors of the architecture, differs in {odd:.80}; {_ADVICE}"
        )
    spans = []
    for name, (dtype, shape) in expected.items():
        entry = header[name]
        got = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else entry
        if got != (dtype, shape):
            raise WeightsError(
                f"{path}: expected {name!r} as {dtype} {shape}, got {got!s:.80}; {_ADVICE}"
            )
        spans.append(_span(entry, path))
    end = 0
    for start, stop in sorted(spans):
        if start != end or stop < start:
            raise WeightsError(
                f"{path}: expected contiguous tensors, got a gap or an overlap at byte {start}; {_ADVICE}"
            )
        end = stop
    if 8 + length + end != len(content):
        raise WeightsError(
            f"{path}: expected {8 + length + end} bytes, got {len(content)} (truncated, or bytes "
            f"added); {_ADVICE}"
        )


def _span(entry: Mapping[str, Any], path: Path) -> tuple[int, int]:
    span = entry.get("data_offsets")
    if not (isinstance(span, list) and len(span) == 2 and all(type(v) is int for v in span)):
        raise WeightsError(f"{path}: expected two offsets, got {span!r:.40}; {_ADVICE}")
    return span[0], span[1]


@torch.no_grad()
def _canary(model: nn.Module) -> torch.Tensor:
    was_training = model.training
    logits: torch.Tensor = model.eval()(canary_inputs()).double()
    model.train(was_training)
    return logits


def _check_canary(model: nn.Module, recorded: list[Any], path: Path) -> None:
    """The loaded network answers the canary inputs as the trained one did."""
    try:
        expected = torch.tensor(recorded, dtype=torch.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise WeightsError(f"{path}: expected canary logits, got {error}; {_ADVICE}") from error
    logits = _canary(model)
    # Other processors sum in another order: a relative tolerance far below any real change.
    if expected.shape != logits.shape or not torch.allclose(logits, expected, rtol=1e-3, atol=1e-3):
        raise WeightsError(
            f"{path}: expected the logits that its manifest records for the canary inputs, got others "
            f"(wrong architecture, or altered file and manifest); {_ADVICE}"
        )
