"""Weight files: safetensors and a JSON manifest, both untrusted until all checks pass.

The file is read once and checked in this order: size limit; SHA-256 in the manifest; header length;
header JSON without duplicate keys; names, dtypes and shapes of the architecture; contiguous offsets;
finite values; strict load; recorded logits of canary inputs. The first failed check is a WeightsError.
No code here reads a pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from securemnist._util.files import read_or_raise
from securemnist._util.hashing import json_file, sha256
from securemnist._util.parsing import json_object
from securemnist._util.resources import write_atomically
from securemnist._util.tensor_file import Expected, read_header, read_tensors
from securemnist.errors import DataError, ParseError, WeightsError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.results.weight_file import SAFETENSORS, WeightFile
from securemnist.types import Images

MAX_WEIGHTS = 256 << 20
MAX_MANIFEST = 1 << 20
MANIFEST_SCHEMA = 1
_ADVICE = "train it again or restore the file"
_OTHER = (
    "restore the file, name the architecture that it is of, or load it in a factory of your own"
)


def canary_inputs(form: InputSpec = MNIST) -> Images:
    """Eight fixed images from integer arithmetic, (8, C, H, W) in [0, 1]."""
    index = torch.arange(8 * form.size, dtype=torch.int64)
    pixels = (index * 2654435761 + index // form.size * 40503) % 256
    return pixels.view(8, *form.shape).float() / 255


def form_of(manifest: Mapping[str, Any], path: Path) -> InputSpec:
    """The form of the images that a manifest states, by default MNIST's; WeightsError for others."""
    try:
        return InputSpec.from_json(manifest.get("spec"))
    except DataError as error:
        raise WeightsError(f"{path}: {error}; {_ADVICE}") from error


def form_entry(form: InputSpec) -> dict[str, Any]:
    """The manifest's entry of the form of the images; empty where it is that of MNIST."""
    return {} if form.is_mnist_like else {"spec": form.to_json()}


def dump(model: nn.Module) -> bytes:
    """The weights of a model as safetensors bytes; equal weights give equal bytes."""
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    return safetensors.torch.save(state)


def save(model: nn.Module, path: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Write weights and manifest atomically; returns the manifest, as `packed` completes it."""
    content, full = packed(model, path, manifest)
    write_atomically(path, content)
    write_atomically(manifest_path(path), json_file(full, sort_keys=True))
    return full


def packed(
    model: nn.Module, path: Path, manifest: Mapping[str, Any]
) -> tuple[bytes, dict[str, Any]]:
    """The bytes of the weights, and `manifest` with schema, SHA-256, size and canary logits."""
    content = dump(model)
    canary = _canary(model, form_of(manifest, path)).tolist()
    full = {
        **manifest,
        "schema": MANIFEST_SCHEMA,
        "sha256": sha256(content),
        "size": len(content),
        "canary": [[round(v, 6) for v in row] for row in canary],
    }
    return content, full


def manifest_path(path: Path) -> Path:
    """The path of the manifest: NAME.json beside NAME.safetensors."""
    return path.with_suffix(".json")


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of the weights at `path`; WeightsError if it is missing or malformed."""
    return read_described(path)[0]


def read_described(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The same, and the SHA-256 of the manifest by the name of its file."""
    beside = manifest_path(path)
    alone = f"name a bundled architecture, as A@{path.name}, or load it in a factory of your own"
    advice = "pass another" if beside.exists() else alone
    content = read_or_raise(beside, MAX_MANIFEST, "a manifest", WeightsError, advice)
    try:
        manifest = json_object(content)
    except ParseError as error:
        raise WeightsError(f"{beside}: expected JSON, got {error}; {_ADVICE}") from error
    kinds = {"schema": int, "sha256": str, "architecture": str, "canary": list}
    kinds |= {"recipe": dict, "reference": dict}
    entries = {"recipe": {}, "reference": {}, **manifest}
    recipe = entries["recipe"]
    if "architecture" not in manifest and isinstance(recipe, dict) and "imported" in recipe:
        raise WeightsError(
            f"{beside}: expected a bundled architecture, got weights of another network; load "
            f"{path.name} in a factory of your own (safetensors.torch.load_file), or, for a network such "
            "as A, import them again with --architecture"
        )
    for key, kind in kinds.items():
        if not isinstance(entries.get(key), kind):
            raise WeightsError(
                f"{beside}: expected {key!r} as {kind.__name__}, got {entries.get(key)!r:.40}; {_ADVICE}"
            )
    if manifest["schema"] != MANIFEST_SCHEMA:
        raise WeightsError(
            f"{beside}: expected schema {MANIFEST_SCHEMA}, got {manifest['schema']!s:.40}; {_ADVICE}"
        )
    return manifest, {beside.name: sha256(content)}


def training_data(data: object) -> dict[str, Any]:
    """Name and digests; empty where the manifest does not state both as texts."""
    digests = data.get("digests") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(digests, dict):
        return {}
    texts = (data.get("name"), *digests.values())
    known = all(isinstance(text, str) for text in texts)
    return {"name": data["name"], "digests": digests} if known else {}


def described(path: Path, size: int, manifest: Mapping[str, Any]) -> WeightFile:
    """The facts about a safetensors file of `size` bytes; `manifest` is empty where none was read.

    The seed is that of the manifest or of its recipe; None where it is no int64.
    """
    recipe = manifest.get("recipe")
    inner = recipe.get("seed") if isinstance(recipe, dict) else None
    seed = manifest.get("seed", inner)
    known = type(seed) is int and abs(seed) < 1 << 63
    name = manifest_path(path).name if manifest else ""
    return WeightFile(format=SAFETENSORS, size=size, manifest=name, seed=seed if known else None)


def load_into(model: nn.Module, path: Path, manifest: Mapping[str, Any] | None) -> tuple[str, int]:
    """Load the weights of the file into `model`; returns SHA-256 and number of the bytes that were read.

    WeightsError at the first failed check. Without a manifest (ARCHITECTURE@FILE) all checks but those
    of digest and canary logits apply.
    """
    content = read_or_raise(path, MAX_WEIGHTS, "a weight file", WeightsError)
    digest = sha256(content)
    if manifest is not None and digest != manifest["sha256"]:
        raise WeightsError(
            f"{path}: expected SHA-256 {manifest['sha256'][:12]}... of its manifest, got "
            f"{digest[:12]}...; {_ADVICE}"
        )
    expected = {name: Expected.like(tensor) for name, tensor in model.state_dict().items()}
    try:
        state = read_tensors(content, read_header(content), expected, "the architecture")
    except ParseError as error:
        raise WeightsError(
            f"{path}: {error}; {_ADVICE if manifest is not None else _OTHER}"
        ) from error
    model.load_state_dict(state, strict=True)
    if manifest is not None:
        _check_canary(model, manifest["canary"], form_of(manifest, path), path)
    return digest, len(content)


@torch.no_grad()
def _canary(model: nn.Module, form: InputSpec) -> torch.Tensor:
    was_training = model.training
    logits: torch.Tensor = model.eval()(canary_inputs(form)).double()
    model.train(was_training)
    return logits


def _check_canary(model: nn.Module, recorded: list[Any], form: InputSpec, path: Path) -> None:
    """WeightsError unless the logits of the canary inputs are the recorded ones."""
    try:
        expected = torch.tensor(recorded, dtype=torch.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise WeightsError(f"{path}: expected canary logits, got {error}; {_ADVICE}") from error
    logits = _canary(model, form)
    # Processors differ in the order of sums; the tolerance is far below any change of weights.
    if expected.shape != logits.shape or not torch.allclose(logits, expected, rtol=1e-3, atol=1e-3):
        raise WeightsError(
            f"{path}: expected the logits that its manifest records for the canary inputs, got others "
            f"(wrong architecture, or altered file and manifest); {_ADVICE}"
        )
