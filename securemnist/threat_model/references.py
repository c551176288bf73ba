"""References inside a threat model: every id exists, and none is used twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from securemnist.errors import PolicyError

if TYPE_CHECKING:
    from securemnist.threat_model.model import ThreatModel


def check(model: ThreatModel, path: str) -> None:
    """PolicyError for an id that is used twice, names nothing, or crosses zones without a boundary."""
    elements = [*model.zones, *model.components, *model.assets, *model.flows, *model.adversaries]
    for ids in ([one.id for one in elements], [threat.id.casefold() for threat in model.threats]):
        for one in ids:
            if ids.count(one) > 1:
                raise PolicyError(
                    f"{path}: expected ids that differ in more than case, got {one!r} twice; "
                    "rename one"
                )
    for where, kind, named, known in _named(model):
        for one in named:
            if one not in known:
                raise PolicyError(
                    f"{path}: {where}: expected {kind} of {', '.join(known)[:300] or 'this file'}, "
                    f"got {one!r}; fix its spelling, or add it"
                )
    _check_boundaries(model, path)


def _named(model: ThreatModel) -> Iterator[tuple[str, str, Iterable[str], list[str]]]:
    """Each place that names others: where it is, what it names, the names, and those that exist."""
    zones, components = [z.id for z in model.zones], [c.id for c in model.components]
    stores = [c.id for c in model.components if c.kind == "store"]
    adversaries, flows = [a.id for a in model.adversaries], [f.id for f in model.flows]
    for component in model.components:
        yield f"component {component.id}", "a zone", [component.zone], zones
    for asset in model.assets:
        yield f"asset {asset.id}", "stores", asset.stores, stores
    for flow in model.flows:
        yield f"flow {flow.id}", "components", [flow.source, flow.destination], components
    for boundary in model.boundaries:
        yield f"boundary {boundary.title!r}", "zones", boundary.between, zones
    for threat in model.threats:
        yield f"threat {threat.id}", "an adversary", [threat.adversary], adversaries
        yield f"threat {threat.id}", "components or flows", threat.on, [*components, *flows]


def _check_boundaries(model: ThreatModel, path: str) -> None:
    """PolicyError for a flow between two zones that no boundary separates."""
    zone = {component.id: component.zone for component in model.components}
    separated = {frozenset(boundary.between) for boundary in model.boundaries}
    for flow in model.flows:
        ends = frozenset((zone[flow.source], zone[flow.destination]))
        if len(ends) == 2 and ends not in separated:
            raise PolicyError(
                f"{path}: flow {flow.id}: expected a boundary between the zones "
                f"{' and '.join(sorted(ends))}, which it crosses, got none; add one"
            )
