"""HDF5 files read by h5py, in the confined process only: its C library can crash or hang on a file.

What is found is plain: arrays as safetensors for a loader, reasons and configurations as JSON for triage.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np
import safetensors.numpy

MAX_OBJECTS, MAX_PATH = 20_000, 1_000
MALICIOUS, UNKNOWN = "malicious", "unknown"
CONFIGS = ("model_config", "training_config")
# Reasons of each kind that are kept, and the largest configuration and array of a clean file.
_MOST_REASONS, _MAX_CONFIG, _MAX_VALUES = 50, 16 << 20, 1 << 32
_MAX_TEXTS = 8 << 20  # bytes of all attributes that are texts


class Link(NamedTuple):
    """A name in a group: its path, its link, and the object that a hard link leads to."""

    path: str
    link: Any
    entry: Any


def warm_up() -> None:
    """Use the reader once, so that all modules that it needs are imported."""
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened["group/array"] = np.zeros(2, np.float32)
        opened["link"] = h5py.SoftLink("/group")
        opened["outside"] = h5py.ExternalLink("file", "/group")
        opened["text"] = "text"
        opened.create_dataset("packed", data=np.zeros(9), compression="gzip")
        opened.attrs["model_config"] = opened.attrs["text"] = "{}"
        opened.attrs["bytes"] = np.bytes_(b"a")
        for codec in ("ascii", "utf-8"):  # of texts, those of an optimizer among them
            codecs.lookup(codec)
            opened.create_dataset(codec, data=["a"], dtype=h5py.string_dtype(codec))
            opened.create_dataset(f"short {codec}", data=b"a", dtype=h5py.string_dtype(codec, 2))
    triage(file.getvalue())
    for content in (file.getvalue(), b"no HDF5"):
        try:
            arrays(content, 1 << 10)
        except Exception as error:  # the path of errors imports, too
            str(error)


def read(content: bytes, limit: int | None) -> tuple[bytes, dict[str, Any]]:
    """The arrays of a file, `limit` bytes at most, as safetensors; without `limit` its triage as JSON."""
    if limit is None:
        return json.dumps(triage(content)).encode(), {}
    return safetensors.numpy.save(arrays(content, limit)), {}


def arrays(content: bytes, limit: int) -> dict[str, Any]:
    """All arrays of a file by their path; ValueError for anything else in it, or what h5py raises."""
    with h5py.File(io.BytesIO(content), "r") as file:
        found, total = {}, 0
        for path, _, entry in _links(file):
            if isinstance(entry, h5py.Group):
                continue
            if not isinstance(entry, h5py.Dataset) or not _is_plain(entry):
                raise ValueError(f"{path[-60:]!r} with a link, a filter or other data")
            total += entry.size * entry.dtype.itemsize
            if total > limit:
                raise ValueError(f"more than {limit} bytes of arrays")
            found[path] = entry
        # In the order of bytes of this machine, as safetensors expects them.
        return {
            path: np.asarray(each[()], each.dtype.newbyteorder("=")) for path, each in found.items()
        }


def _links(file: Any, met: set[int] | None = None) -> Iterator[Link]:
    """All names below a file; ValueError for too many, or for paths that are too long.

    With `met`, the addresses of known groups, a link back to a group is not followed again.
    """
    pending, objects = [("", file)], 0
    while pending:
        above, group = pending.pop()
        for name in group:
            objects += 1
            path = f"{above}/{name}".lstrip("/")
            if objects > MAX_OBJECTS or len(path) > MAX_PATH:
                raise ValueError(
                    f"more than {MAX_OBJECTS:,} objects, or paths above {MAX_PATH:,} characters"
                )
            link = group.get(name, getlink=True)
            entry = group[name] if isinstance(link, h5py.HardLink) else None
            yield Link(path, link, entry)
            if isinstance(entry, h5py.Group) and _is_new(entry, met):
                pending.append((path, entry))


def _is_new(group: Any, met: set[int] | None) -> bool:
    """Whether to follow a group; its address is then met."""
    if met is None:
        return True
    address = h5py.h5o.get_info(group.id).addr
    new = address not in met
    met.add(address)
    return new


def _is_plain(dataset: Any) -> bool:
    """Whether a data set has numbers in the file itself: no external file, no other source, no filter."""
    elsewhere = dataset.external is not None or dataset.is_virtual
    filters = dataset.id.get_create_plist().get_nfilters()
    # Keras reads numbers with this attribute as another type.
    other = dataset.size is None or "dtype" in dataset.attrs
    return dataset.dtype.kind in "fiub" and not (elsewhere or filters or other)


def triage(content: bytes) -> dict[str, Any]:
    """Reasons against a file, each as (outcome, text, place), configurations of a model, and texts.

    Links, data elsewhere, and other data than numbers; what comes before an error counts. Texts are
    the other attributes, with path and name; a character stands for each byte.
    """
    found: list[tuple[str, str, str]] = []
    configs: dict[str, str] = {}
    texts: list[tuple[str, str]] = []
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            _read_configs(file, configs, found)
            _read_texts(file, "", texts)
            _walk(file, found, texts)
    except Exception as error:  # h5py raises what HDF5 and its own conversions raise
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        _add(found, UNKNOWN, f"is no complete HDF5 file: {text:.120}", "")
    if sum(len(text) for _, text in texts) > _MAX_TEXTS:
        _add(found, UNKNOWN, f"has more than {_MAX_TEXTS} bytes of texts", "")
        texts = []
    return {"reasons": found, "configs": configs, "texts": texts}


def _add(found: list[tuple[str, str, str]], outcome: str, text: str, place: str) -> None:
    """Keep a reason; of each outcome only the first ones, since a file may have millions."""
    if sum(each[0] == outcome for each in found) < _MOST_REASONS:
        found.append((outcome, text, place))


def _read_configs(file: Any, configs: dict[str, str], found: list[tuple[str, str, str]]) -> None:
    for key in CONFIGS:
        if key not in file.attrs:
            continue
        if file.attrs.get_id(key).get_storage_size() > _MAX_CONFIG:
            _add(found, UNKNOWN, f"has more than {_MAX_CONFIG} bytes", key)
            continue
        value = file.attrs[key]
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        configs[key] = text[: _MAX_CONFIG + 1]


def _read_texts(entry: Any, path: str, texts: list[tuple[str, str]]) -> None:
    """Add the attributes that are one text, apart from the configurations."""
    for name in entry.attrs:
        about = entry.attrs.get_id(name)
        is_text = about.dtype.kind in "SV" or h5py.check_string_dtype(about.dtype) is not None
        if about.shape or not is_text or (name in CONFIGS and not path):
            continue
        value = entry.attrs[name]
        packed = (
            value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
        )
        texts.append((f"{path} {name}".strip(), packed.decode("latin-1")))


def _walk(file: Any, found: list[tuple[str, str, str]], texts: list[tuple[str, str]]) -> None:
    """Add the reasons and the texts of all objects; a link back to a group is met once."""
    met = {h5py.h5o.get_info(file.id).addr}
    for path, link, entry in _links(file, met):
        if isinstance(link, h5py.ExternalLink):
            _add(found, MALICIOUS, f"links to another file, {link.filename!r:.80}", path)
        elif entry is None:
            _add(found, UNKNOWN, "links to another name", path)
            continue
        else:
            _read_texts(entry, path, texts)
        if entry is not None and not isinstance(entry, h5py.Group):
            _add_data_reasons(found, entry, path)


def _add_data_reasons(found: list[tuple[str, str, str]], entry: Any, path: str) -> None:
    if not isinstance(entry, h5py.Dataset):
        _add(found, UNKNOWN, "is no array", path)
    elif entry.external is not None or entry.is_virtual:
        _add(found, MALICIOUS, "takes its values from another file", path)
    elif entry.dtype.kind not in "fiubS" and h5py.check_string_dtype(entry.dtype) is None:
        _add(found, UNKNOWN, f"holds values of type {entry.dtype!s:.40}", path)
    elif entry.size is not None and entry.size > _MAX_VALUES:
        _add(found, UNKNOWN, f"states {entry.size} values", path)
