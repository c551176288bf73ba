"""The first threat model of a repository: the bundled one, with the rows of its own policy."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from securemnist._util import resources
from securemnist.initial_policy.known_system import KnownSystem, Model
from securemnist.initial_policy.measured import Row
from securemnist.initial_policy.text import as_toml
from securemnist.results import policy
from securemnist.results.json_model import table
from securemnist.view import taxonomy

_HEAD = """\
# The threat model of this project: what is protected, where data pass from one trust zone to another,
# what may go wrong, and which rows of thresholds.toml test it. `securemnist init` wrote it from a model
# of an image classifier: change components, threats and judgements to yours. init knows of no web page,
# no audit log and no {unknown}: add those of your system.
# A threat whose mitigations no row tests is uncovered. Likelihood and severity are judgements.
# `securemnist threats` prints the status of each; `securemnist threats check` checks this file.
"""
_WIDTH = 100  # of a line above the entries of a kind


def threat_model(rows: Sequence[Row], today: datetime.date, system: KnownSystem) -> str:
    """The text of threats.toml. A mitigation names the rows that ask what the bundled rows for it ask.

    A mitigation without such a row names none. Components, flows and threats of which `system` tells
    nothing are left out.
    """
    bundled = {row.id: _question(row.measure, row.settings)
               for row in policy.load(resources.POLICY).requirements}  # fmt: skip
    own = {row.proposal.id: _question(row.proposal.measure, row.settings) for row in rows}
    model = tomllib.loads(resources.THREATS.read_text(encoding="utf-8"))
    model["reviewed"] = today
    for threat in model["threats"]:
        threat.pop("sources", None)
        for mitigation in threat["mitigations"]:
            questions = {bundled[name] for name in mitigation.pop("requirements", ())}
            if names := [name for name, question in own.items() if question in questions]:
                mitigation["requirements"] = names
    unknown = "training code" if system.served else "service"
    blocks = "\n\n".join(_blocks(system.fitted(model)))
    return f"{_HEAD.format(unknown=unknown)}{blocks}\n"


def _blocks(model: Model) -> Iterator[str]:
    """The parts of the file: single values, and each table with its entries."""
    single = {key: value for key, value in model.items() if not isinstance(value, list | dict)}
    yield _entry("", single)
    for kind, value in model.items():
        if isinstance(value, dict):
            yield _entry(f"[{kind}]", value)
        before = ""
        for entry in value if isinstance(value, list) else ():
            topic = taxonomy.name(f"STRIDE:{entry['category']}") if "category" in entry else kind
            if topic != before:
                yield f"# {f' {topic.lower()}':->{_WIDTH}}"
            before = topic
            yield _entry(f"[[{kind}]]", entry)


def _entry(head: str, values: Mapping[str, Any]) -> str:
    """A table of TOML; tables in a list have a line each."""
    lines = [head] if head else []
    for key, value in values.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{key} = [", *(f"  {as_toml(one)}," for one in value), "]"]
        else:
            day = isinstance(value, datetime.date)
            lines.append(f"{key} = {value.isoformat() if day else as_toml(value)}")
    return "\n".join(lines)


def _question(measure: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What a row asks: its measure, and who answers or attacks where that makes a difference."""
    attack = table(settings.get("attack"))
    art = "ART" if str(attack.get("use", "")).startswith("art:") else ""
    # A search by answers does not stand for an attacker with the weights.
    access = str(attack.get("budget")) if attack.get("budget") in ("black-box", "labels") else ""
    return measure, str(settings.get("control", "")), art, access
