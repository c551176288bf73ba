"""A whole run: its files, an interrupt, the cache, and wrong options."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from torch import nn

from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.models.architectures import ARCHITECTURES
from securemnist.pipeline import cache, folder, scenarios
from securemnist.pipeline.documents import Scenario, Summary
from securemnist.pipeline.sizes import Sizes
from securemnist.report import manifest
from securemnist.report.swap import locked
from tests.commands import run
from tests.report.markup import Markup
from tests.schemas import FOLDER

OPTIONS = ("--pipeline", "--no-browser", "--train-images=256", "--images=60", "--epochs=1")


def network() -> nn.Module:
    """A small network beside the bundled architectures."""
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 10))


@pytest.fixture
def quick(small: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which the demo trains small networks on small splits and measures two eps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DataSet, "load", lambda *_, **__: small)
    monkeypatch.setattr(scenarios, "CURVE_EPS", (0.1, scenarios.EPS))
    monkeypatch.setitem(ARCHITECTURES, "small", network)
    recipe = Sizes._recipe
    monkeypatch.setattr(
        Sizes, "_recipe", lambda *_, **more: recipe(*_, architecture="small", **more)
    )
    return tmp_path / "reports" / "pipeline"


def test_interrupted_run_is_completed_by_the_next(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt ends with exit code 3 and leaves networks alone; the next run completes the rest."""

    def interrupted(name: str, *_: object) -> Scenario:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scenarios, "run", interrupted)
        stopped = run("demo", *OPTIONS)
    assert stopped.exit_code == 3
    assert "interrupted" in stopped.output
    assert [path.name for path in quick.iterdir()] == [cache.FOLDER]
    done = run("demo", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert done.output.count("from the cache") == 4
    assert {path.name for path in quick.iterdir()} == {*folder.FILES, manifest.NAME, cache.FOLDER}
    _check_files(quick)


def _check_files(out: Path) -> None:
    """Every file fits its schema, the summary has their digests, and the page their main numbers."""
    schemas = {
        kind: json.loads((FOLDER / f"pipeline-{kind}.schema.json").read_text())
        for kind in ("scenario", "summary")
    }
    content = json.loads((out / folder.SUMMARY).read_text())
    jsonschema.validate(content, schemas["summary"])
    summary = Summary.from_json(content)
    assert set(summary.files) == {f"{name}.json" for name in scenarios.SCENARIOS}
    for name, digest in summary.files.items():
        file = (out / name).read_bytes()
        assert sha256(file) == digest
        jsonschema.validate(json.loads(file), schemas["scenario"])
    assert [network.seconds for network in summary.networks] == [None] * 4
    for network in summary.networks:
        weights = (out / cache.FOLDER / f"{network.name}.safetensors").read_bytes()
        assert sha256(weights) == network.sha256
    text = Markup((out / folder.PAGE).read_text()).text
    assert len(summary.figures) == 8
    for figure in summary.figures:
        found = Scenario.from_json(json.loads((out / f"{figure.scenario}.json").read_text()))
        assert figure.value in [one.value for one in found.measured]
        assert f"{100 * figure.value:.1f} %" in text


def test_one_run_at_a_time(quick: Path) -> None:
    """A folder that another run uses is refused with exit code 2."""
    cache.begin(quick / cache.FOLDER)
    with locked(quick / cache.FOLDER):
        refused = run("demo", *OPTIONS)
    assert refused.exit_code == 2
    assert "expected no other run in this folder" in refused.output


def test_foreign_folder_is_refused_before_training(quick: Path) -> None:
    """A folder with other files ends with exit code 2, and nothing is added to it."""
    quick.mkdir(parents=True)
    (quick / "thesis.tex").write_text("mine")
    refused = run("demo", *OPTIONS)
    assert refused.exit_code == 2
    assert "thesis.tex" in refused.output
    assert [path.name for path in quick.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--epochs=3",), "expected --epochs with --pipeline only"),
        (("--pipeline", "--epochs=0"), "expected epochs of at least 1, got 0"),
        (("--pipeline", "--images=-1"), "expected test images of at least 1, got -1"),
        (("--pipeline", "--train-images=257"), "expected at most 256 training images"),
        (
            ("--pipeline", "--train-images=99", "--images=60"),
            "expected at least 100 training images",
        ),
        (("--pipeline", "--train-images=256", "--images=121"), "expected at most 120 test images"),
    ],
    ids=["without-pipeline", "epochs", "negative", "training", "none-poisoned", "test"],
)
def test_wrong_sizes_are_refused(quick: Path, words: tuple[str, ...], message: str) -> None:
    """A size out of range, or without --pipeline, ends with exit code 2 and one sentence."""
    refused = run("demo", "--no-browser", *words)
    assert refused.exit_code == 2
    assert message in refused.output
    assert not quick.exists()


def test_default_sizes_are_those_of_the_help() -> None:
    """The numbers in the help are the defaults."""
    text = run("demo", "--help").output
    for number in vars(Sizes()).values():
        assert f"({number:,})" in text
