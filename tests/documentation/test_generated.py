"""Pages and pictures that are made from the code and from measured data."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import click
import pytest

from benchmarks.documentation import (
    attacks_page,
    commands_page,
    files,
    ladder_data,
    measures_page,
    policy_schema,
)
from benchmarks.documentation.pictures import doubt, statistics
from securemnist._util import resources
from securemnist.attacks import ATTACKS
from securemnist.cli import main
from securemnist.measures import MEASURES
from securemnist.results.policy import Policy, load

CONCEPTS = files.DOCS / "concepts"
SVG = "{http://www.w3.org/2000/svg}"


def picture(name: str) -> tuple[str, ElementTree.Element]:
    """The text of a picture of ours, and its root element."""
    text = (files.DOCS / name).read_text()
    return text, ElementTree.fromstring(text)  # noqa: S314 # our own file


@pytest.mark.parametrize("name", [*files.PAGES, *files.PICTURES])
def test_a_generated_file_is_that_of_the_code(name: str) -> None:
    """The file is what `python -m benchmarks.documentation` writes."""
    rendered = {**files.PAGES, **files.PICTURES}[name]()
    content = rendered.encode() if isinstance(rendered, str) else rendered
    assert (files.DOCS / name).read_bytes() == content


def test_the_pages_name_every_measure_attack_and_command() -> None:
    """Each measure, each of its settings, each attack and each option has its place."""
    measures, attacks = measures_page.render(), attacks_page.render()
    for name, measure in MEASURES.items():
        part = measures.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
        assert set(measure.settings.model_fields) <= set(re.findall(r"^\| `(\w+)` \|", part, re.M))
    assert re.findall(r"^## `(\w+)`$", attacks, re.M) == list(ATTACKS)
    commands = commands_page.render()
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        shown = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        options = {option for parameter in shown for option in parameter.opts}
        part = commands.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
        assert {option for option in options if option not in part} == set()


def test_the_schema_of_a_policy_accepts_the_bundled_one() -> None:
    """The keys of the bundled policy are keys of its schema; a misspelt key above the rows is not."""
    schema = policy_schema.schema()
    bundled: Policy = load(resources.POLICY)
    assert bundled.requirements
    assert schema["additionalProperties"] is False
    assert {"id", "measure", "because"} == set(schema["$defs"]["Requirement"]["required"])
    assert set(schema["$defs"]) == {"Requirement", "Waiver", "Data"}


@pytest.mark.parametrize("name", files.PICTURES)
def test_a_picture_can_be_read_by_everyone(name: str) -> None:
    """It has a title and a description, colours for both schemes, no script and no address."""
    text, root = picture(name)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title description"
    for part in ("title", "desc"):
        found = root.find(f"{SVG}{part}")
        assert found is not None
        assert found.text
    assert "prefers-color-scheme:dark" in text
    assert root.find(f".//{SVG}script") is None
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", files.PICTURES)
def test_a_picture_is_shown_with_words(name: str) -> None:
    """The page of a concept shows its picture, with a text for those who cannot see it."""
    path = Path(name)
    page = (CONCEPTS / f"{path.stem}.md").read_text()
    (words,) = re.findall(rf"!\[([^]]+)\]\({path.name}\)", page)
    assert len(words) > 30


def test_no_word_of_a_picture_leaves_it() -> None:
    """Every text of a picture lies inside of it, at a usual width of letters."""
    for name in files.PICTURES:
        _, root = picture(name)
        width, height = map(float, root.get("viewBox", "").split()[2:])
        words = list(root.iter(f"{SVG}text"))
        assert words, name
        for text in words:
            size = 0.55 * float(text.get("font-size", "0")) * len(text.text or "")
            before = {"end": size, "middle": size / 2}.get(text.get("text-anchor", "start"), 0)
            left, y = float(text.get("x", "0")) - before, float(text.get("y", "0"))
            assert left >= 0, (name, text.text)
            assert left + size <= width, (name, text.text)
            assert 0 < y <= height, (name, text.text)


def test_the_ladder_page_tells_the_measured_numbers() -> None:
    """The page counts the images as they were measured, and the accuracy follows from the stages."""
    data = json.loads(ladder_data.PATH.read_text())
    page = (CONCEPTS / "ladder.md").read_text()
    stages = {one["stage"]: one for one in data["stages"]}
    first, last = data["stages"][0], data["stages"][-1]
    proved = sum(one["proved"] for one in data["stages"])
    survived = last["entered"] - last["fell"] - last["proved"]
    assert data["value"] == pytest.approx((proved + survived) / data["images"])
    assert f"- {data['images'] - first['entered']} images are misclassified" in page
    assert f"certify {first['proved']} of {first['entered']}" in page
    assert f"break {stages['FGSM']['fell'] + stages['PGD-10']['fell']} of the others" in page
    assert f"break {stages['APGD-CE-20']['fell'] + stages['APGD-DLR-T-10']['fell']} more" in page
    assert f"- {survived} survive everything" in page


def test_the_picture_of_doubts_shows_every_network() -> None:
    """All rows of the calibration are drawn: honest ones without a doubt, impostors with theirs."""
    networks = doubt.rows(doubt.PAGE.read_text())
    assert len(networks) >= 20
    for _, deserved, raised, value in networks:
        assert (deserved == "none") == raised.startswith("0 of ")
        assert 0 <= value <= 1


def test_the_samples_of_the_statistics_page_have_its_verdicts() -> None:
    """The page names the verdict of each drawn sample."""
    verdicts = [statistics.verdict(hits, n) for hits, n in statistics.SAMPLES]
    assert verdicts == ["INCONCLUSIVE", "INCONCLUSIVE", "PASS", "FAIL"]
    page = (CONCEPTS / "statistics.md").read_text()
    for hits, n in statistics.SAMPLES:
        assert f"{hits:,} of {n:,}" in page
