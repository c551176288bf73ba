"""The parts of the bundled threat model that follow from what `init` knows of a project.

It knows the images, and a model in the project or behind an address. No project has to have a web page
or an audit log. A model that is not served has no HTTP service, and for a served one the training code
is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Model = dict[str, Any]  # a threat model as TOML has it: tables, and lists of tables by their kind

_UNKNOWN = frozenset({"page", "audit-log"})
_UNKNOWN_IF_SERVED = frozenset({"training-script", "python-objects"})
_NOT_ASKED = frozenset({"candidate"})  # the weights of a served model are not read
# Threats of an HTTP interface with tokens, records and many clients.
_OF_A_SERVICE = frozenset({"S-02", "R-01", "D-01"})
_SERVICE = re.compile(r"(?<!denial of )\b([Ss])ervice\b")
# Words of the bundled threat model, and those of a system about which less is known.
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
    "The machine that answers requests with": "The machine that classifies images with",
    "The HTTP interface that classifies images.": "The program that classifies images.",
    "A body of unusual size": "An image of unusual size",
    "Images by HTTP, and their classes": "Images, and their classes",
    "within an L-infinity ball, forged identities, malformed requests or floods.": (
        "within an L-infinity ball, or malformed ones."
    ),
}
# Titles of a system that is not served, by the bundled ones.
TITLES = {"Serving": "Use", "HTTP interface": "Images and answers", "Requests": "Images"}


@dataclass(frozen=True)
class KnownSystem:
    """What `init` knows; `served`: the model answers at an address; `own_data`: they are not MNIST."""

    served: bool = False
    own_data: bool = False

    def fitted(self, model: Model) -> Model:
        """A threat model without the parts that nothing tells of."""
        absent = self._absent(model)
        kept = {kind: _without(entries, absent) for kind, entries in model.items()}
        crossed = _crossed(kept)
        kept["boundaries"] = [one for one in kept["boundaries"] if set(one["between"]) in crossed]
        for boundary in () if self.served else kept["boundaries"]:
            if boundary.get("authentication") == "token":
                del boundary["authentication"]
        return {key: _changed(value, self._reworded) for key, value in kept.items()}

    def _absent(self, model: Model) -> frozenset[str]:
        """The ids of absent components, of flows from or to them, and of threats about them alone."""
        absent = _UNKNOWN | (_UNKNOWN_IF_SERVED | _NOT_ASKED if self.served else _OF_A_SERVICE)
        ends = {flow["id"]: {flow["source"], flow["destination"]} for flow in model["flows"]}
        absent |= {name for name, both in ends.items() if both & absent}
        return absent | {one["id"] for one in model["threats"] if absent.issuperset(one["on"])}

    def _reworded(self, text: str) -> str:
        known = NO_PAGE | (OWN_DATA if self.own_data else {}) | ({} if self.served else NOT_SERVED)
        for before, after in known.items():
            text = text.replace(before, after)
        return text if self.served else _SERVICE.sub(_application, TITLES.get(text, text))


def _without(value: Any, absent: frozenset[str]) -> Any:
    """Entries of a kind that are not absent, whose lists name no absent one; other values as they are."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(one, Mapping) for one in value):
        return [one for one in value if one not in absent]
    present = [entry for entry in value if entry.get("id") not in absent]
    fitted = ({key: _without(one, absent) for key, one in entry.items()} for entry in present)
    return [{key: one for key, one in entry.items() if one != []} for entry in fitted]


def _crossed(model: Model) -> list[set[str]]:
    """The pairs of zones between which data flow."""
    zones = {one["id"]: one["zone"] for one in model["components"]}
    return [{zones[flow["source"]], zones[flow["destination"]]} for flow in model["flows"]]


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """A value whose texts are changed, those inside of it, too; keys stay."""
    if isinstance(value, Mapping):
        return {key: _changed(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_changed(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _application(found: re.Match[str]) -> str:
    return "Application" if found[1] == "S" else "application"
