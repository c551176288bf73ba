"""Manifests of weight files: where the weights come from, and whether the file is the described one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from securemnist._util.files import open_regular, read_at_most
from securemnist._util.parsing import json_object
from securemnist.errors import ParseError
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.supply_chain.digest_text import shortened

_MAX_MANIFEST = 1 << 20
_CHUNK = 1 << 20
_SHA256 = re.compile("[0-9a-f]{64}")


def checks(path: Path, name: str) -> Iterator[SupplyCheck]:
    """Checks of a weight file and of its manifest, NAME.json beside it; `name` is the file's in texts.

    The manifest has to state three things: the SHA-256 of the file, the recipe of the training with
    its seed, and the SHA-256 of each file of the training data.
    """
    beside = path.with_suffix(".json")
    place = f"{Path(name).with_suffix('.json')}"
    try:
        manifest = json_object(read_at_most(beside, _MAX_MANIFEST))
    except OSError as error:
        yield _check("manifest", place, "a manifest beside the weights", str(error.strerror))
        return
    except ParseError as error:
        yield _check("manifest", place, "a JSON object", str(error))
        return
    yield _digest(path, name, manifest)
    recipe = manifest.get("recipe")
    known = isinstance(recipe, Mapping) and bool(recipe)
    yield _check("recipe", place, "how the model was trained", _count(recipe, "settings"), known)
    yield _seed(manifest, place)
    yield from _data(manifest.get("data"), place)


def _digest(path: Path, name: str, manifest: Mapping[str, Any]) -> SupplyCheck:
    stated = manifest.get("sha256")
    if not isinstance(stated, str) or not _SHA256.fullmatch(stated):
        return _check(
            "SHA-256 of the weights", name, "64 digits in the manifest", f"{stated!r:.80}"
        )
    try:
        got = _sha256(path)
    except OSError as error:
        return _check("SHA-256 of the weights", name, shortened(stated), str(error.strerror))
    return _check("SHA-256 of the weights", name, shortened(stated), shortened(got), got == stated)


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    with open_regular(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        while part := file.read(_CHUNK):
            whole.update(part)
    return whole.hexdigest()


def _seed(manifest: Mapping[str, Any], place: str) -> SupplyCheck:
    recipe = manifest.get("recipe")
    inner = recipe.get("seed") if isinstance(recipe, Mapping) else None
    seed = manifest.get("seed", inner)
    return _check("seed", place, "a whole number", f"{seed!r:.40}", type(seed) is int)


def _data(data: object, place: str) -> Iterator[SupplyCheck]:
    digests = data.get("digests") if isinstance(data, Mapping) else None
    if not isinstance(digests, Mapping) or not digests:
        yield _check("training data", place, "SHA-256 of its files", "none")
        return
    wrong = [name for name, value in digests.items() if not _SHA256.fullmatch(str(value))]
    found = f"no SHA-256 of {wrong[0]}" if wrong else _count(digests, "digests")
    yield _check("training data", place, "SHA-256 of its files", found, not wrong)


def _count(table: object, noun: str) -> str:
    return f"{len(table) if isinstance(table, Mapping) else 0} {noun}"


def _check(name: str, place: str, expected: str, found: str, holds: bool = False) -> SupplyCheck:
    return SupplyCheck(name=name, place=place, expected=expected, found=found, holds=holds)
