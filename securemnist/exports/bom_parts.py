"""Parts that components of a CycloneDX document share: properties, hashes, references."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from securemnist.exports.measured import name as named
from securemnist.results.json_model import table
from securemnist.sanitize import sentence

_PREFIX = "securemnist:"
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
MOST_PROPERTIES = 200  # of one table from outside
_LONGEST = 1_000


def prop(name: str, value: object) -> dict[str, str]:
    """A property of this project's namespace, both texts cleaned."""
    return {"name": f"{_PREFIX}{sentence(name, 200)}", "value": sentence(value, _LONGEST)}


def props(table: Mapping[str, object]) -> list[dict[str, str]]:
    """A property for each entry that has a value."""
    return [prop(name, value) for name, value in table.items() if value not in (None, "")]


def flattened(value: object, name: str) -> list[dict[str, str]]:
    """The properties of a nested table from outside: `recipe:optimiser:name`; at most 200."""
    found = [prop(*leaf) for leaf in islice(_leaves(value, name), MOST_PROPERTIES + 1)]
    if len(found) > MOST_PROPERTIES:
        left_out = f"more than {MOST_PROPERTIES} entries, the others are left out"
        found[-1] = prop(name, left_out)
    return found


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}:{sentence(key, 60)}")
    else:
        yield name, value


def digest(value: object, of: str) -> dict[str, Any]:
    """`hashes` with a SHA-256 and a property that says what it is the digest of.

    Only a property for a text that is no SHA-256; nothing for an empty one.
    """
    if not value:
        return {}
    if isinstance(value, str) and _SHA256.fullmatch(value):
        return {
            "hashes": [{"alg": "SHA-256", "content": value}],
            "properties": [prop("digest-of", of)],
        }
    return {"properties": [prop("digest", value), prop("digest-of", of)]}


def files(digests: object, prefix: str, of: str) -> list[dict[str, Any]]:
    """A component for each entry of a table of SHA-256 by name."""
    return [
        {
            "type": "file",
            "bom-ref": f"{prefix}:{number}",
            "name": named(file, "unnamed file"),
            **digest(value, of),
        }
        for number, (file, value) in enumerate(table(digests).items(), 1)
        if number <= MOST_PROPERTIES
    ]
