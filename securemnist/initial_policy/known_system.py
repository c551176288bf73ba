"""The parts of the bundled threat model that follow from what `init` knows of a project.

It knows the images, and a model in the project or behind an address. No project has to have a web page
or an audit log. A model that is not served has no HTTP service, and for a served one the training code
is unknown.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_UNKNOWN = frozenset({"page", "audit-log"})
_UNKNOWN_IF_SERVED = frozenset({"training-script", "python-objects"})
_NOT_ASKED = frozenset({"candidate"})  # the weights of a served model are not read
# Threats of an HTTP interface with tokens, records and many clients.
_OF_A_SERVICE = frozenset({"S-02", "R-01", "D-01"})
_ON = re.compile(r"^on = .*$", re.MULTILINE)
_STORES = re.compile(r"\nstores = .*")
_SERVICE = re.compile(r"(?<!denial of )\b([Ss])ervice\b")
# Sentences of the bundled threat model, and those of a system about which less is known.
NO_PAGE = {
    "The data set, the weights or the page are removed": "The data set or the weights are removed"
}
OWN_DATA = {
    "A public mirror of the data set.": "Where the images and labels come from.",
    "is trained on public data": "is trained",
}
NOT_SERVED = {
    "trained and served": "trained and used",
    "stored as a weight file and served over HTTP": "stored as a weight file and used by an application",
    'title = "Serving"': 'title = "Use"',
    "The machine that answers requests with the released weights.": (
        "The machine that classifies images with the released weights."
    ),
    'title = "HTTP interface"': 'title = "Images and answers"',
    'authentication = "token"\n': "",
    "The HTTP interface that classifies images.": "The program that classifies images.",
    "A body of unusual size": "An image of unusual size",
    "Images by HTTP, and their classes": "Images, and their classes",
    'title = "Requests"': 'title = "Images"',
    "within an L-infinity ball, forged identities, malformed requests or floods.": (
        "within an L-infinity ball, or malformed ones."
    ),
}


@dataclass(frozen=True)
class KnownSystem:
    """What `init` knows; `served`: the model answers at an address; `own_data`: they are not MNIST."""

    served: bool = False
    own_data: bool = False

    def fitted(self, text: str) -> str:
        """The text of a threat model without the parts that nothing tells of."""
        for before, after in self._sentences().items():
            text = text.replace(before, after)
        blocks = [(block, tomllib.loads(block)) for block in text.split("\n\n")]
        absent = self._absent([table for _, table in blocks])
        kept = "\n\n".join(_kept(blocks, absent)) + "\n"
        return kept if self.served else _SERVICE.sub(_application, kept)

    def _sentences(self) -> Mapping[str, str]:
        known = (OWN_DATA if self.own_data else {}) | ({} if self.served else NOT_SERVED)
        return NO_PAGE | known

    def _absent(self, tables: list[dict[str, Any]]) -> frozenset[str]:
        """The ids of absent components, of flows from or to them, and of threats about them alone."""
        absent = _UNKNOWN | (_UNKNOWN_IF_SERVED | _NOT_ASKED if self.served else _OF_A_SERVICE)
        flows = [flow for table in tables for flow in table.get("flows", ())]
        absent |= {flow["id"] for flow in flows if {flow["source"], flow["destination"]} & absent}
        threats = [threat for table in tables for threat in table.get("threats", ())]
        return absent | {threat["id"] for threat in threats if absent.issuperset(threat["on"])}


def _kept(blocks: list[tuple[str, dict[str, Any]]], absent: frozenset[str]) -> Iterator[str]:
    """The blocks of entries that are not absent, whose lists name no absent one."""
    crossed = _crossed([table for _, table in blocks], absent)
    for block, table in blocks:
        entries = [entry for kind in table.values() if isinstance(kind, list) for entry in kind]
        entry = entries[0] if entries else {}
        between = entry.get("between")
        if entry.get("id") in absent or (between and frozenset(between) not in crossed):
            continue
        if "on" in entry:
            block = _ON.sub(f"on = {_listed(entry['on'], absent)}", block)
        if absent.intersection(entry.get("stores", ())):
            block = _STORES.sub("", block)
        yield block.rstrip("\n")


def _crossed(tables: list[dict[str, Any]], absent: frozenset[str]) -> set[frozenset[str]]:
    """The pairs of zones between which data flow."""
    zones = {one["id"]: one["zone"] for table in tables for one in table.get("components", ())}
    return {
        frozenset((zones[flow["source"]], zones[flow["destination"]]))
        for table in tables
        for flow in table.get("flows", ())
        if flow["id"] not in absent
    }


def _listed(names: list[str], absent: frozenset[str]) -> str:
    """A TOML list of the names that are not absent."""
    return "[" + ", ".join(f'"{name}"' for name in names if name not in absent) + "]"


def _application(found: re.Match[str]) -> str:
    return "Application" if found[1] == "S" else "application"
