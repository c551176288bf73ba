"""Another model that is deployed behind an address between two runs, or in the middle of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import securemnist as sm
from securemnist.data import DataSet
from securemnist.endpoint.network import RemoteModel
from securemnist.errors import ModelError
from securemnist.evaluation.doubts.endpoint_answers import endpoint_doubts
from securemnist.models.loading import Subject
from tests.endpoint.conftest import png
from tests.endpoint.service import Service, by_brightness
from tests.policies import CLEAN, table

DESCRIPTION = """
uri = "{url}/png"
request = '{{"image": {{"$image": {{"as": "png", "prefix": "data:image/png;base64,"}}}}}}'
labels = "$.label"
classes = [{names}]
"""
POLICY = table(CLEAN, id='"CLEAN"', images="30", at_least="0.6")


def always_seven(x: np.ndarray) -> np.ndarray:
    """Another model, of one constant answer."""
    return np.eye(10)[np.full(len(x), 7)]


@pytest.fixture
def labelling(service: Service) -> Service:
    """The service, with images of 8x8 and answers of labels only."""
    service.shape, service.labels = (1, 8, 8), True
    return service


@pytest.fixture
def remote(labelling: Service, images: DataSet) -> RemoteModel:
    """The service as a network."""
    return RemoteModel(png(labelling), images.spec)


def file_of(service: Service, folder: Path) -> str:
    """The SPEC of the service."""
    names = ", ".join(f'"digit {k}"' for k in range(10))
    path = folder / "endpoint.toml"
    path.write_text(DESCRIPTION.format(url=service.url, names=names))
    return str(path)


FORMS: dict[str, Callable[[str, RemoteModel], Subject | nn.Module | str]] = {
    "spec": lambda spec, _: spec,
    "subject": lambda spec, remote: Subject(remote, "service", spec, "endpoint"),
    "network": lambda _, remote: remote,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_measurement_asks_the_service_of_today(
    form: str, labelling: Service, images: DataSet, remote: RemoteModel, tmp_path: Path
) -> None:
    """A second measurement in one process rests on no answer to the first."""
    model = FORMS[form](file_of(labelling, tmp_path), remote)
    asked = {"images": 30, "progress": False}
    assert sm.measure("clean_accuracy", model, images, **asked).value > 0.9
    labelling.classify = always_seven
    assert sm.measure("clean_accuracy", model, images, **asked).value < 0.3


def test_an_assessment_asks_the_service_of_today(
    labelling: Service, images: DataSet, tmp_path: Path
) -> None:
    """A second assessment in one process fails where another model is served by then."""
    (tmp_path / "policy.toml").write_text(POLICY)
    spec, policy = file_of(labelling, tmp_path), tmp_path / "policy.toml"
    assert sm.assess(spec, images, policy=policy, progress=False).exit_code == 0
    labelling.classify = always_seven
    assert sm.assess(spec, images, policy=policy, progress=False).exit_code == 1


def test_a_run_probes_again_and_keeps_the_budget(images: DataSet, remote: RemoteModel) -> None:
    """A new run drops answers and findings of the probe; queries of the first still count."""
    remote(images.test[:20].images())
    spent, row = remote.counts.queries, remote.client.budget.row.queries
    assert spent == row > 20
    remote.begin_run()
    with pytest.raises(ModelError, match="probed endpoint"):
        _ = remote.facts
    assert remote.client.budget.row.queries == 0
    remote(images.test[:20].images())
    assert remote.counts.queries == 2 * spent


def test_a_change_in_a_run_is_a_doubt(
    labelling: Service, images: DataSet, remote: RemoteModel
) -> None:
    """Stored answers are compared with new ones, which are equal among themselves."""
    x = images.test[:20].images()
    remote(x)
    assert endpoint_doubts(remote, x) == ()
    labelling.classify = always_seven
    assert [doubt.name for doubt in endpoint_doubts(remote, x)] == ["variation"]


def test_controls_are_of_several_classes(
    labelling: Service, images: DataSet, remote: RemoteModel
) -> None:
    """A model that still answers the first image alike is noticed by its answers to other classes."""
    x = images.test[:20].images()
    remote(x)
    first = int(remote(x[:1]).argmax())
    assert remote.row_problem() == ""
    labelling.classify = lambda x: np.eye(10)[np.full(len(x), first)]
    assert "another model" in remote.row_problem()
    labelling.classify = by_brightness
    assert remote.row_problem() == ""


def test_another_model_behind_varying_answers(service: Service, images: DataSet) -> None:
    """Noise of the scores hides no other model; noise alone, without another class, is none."""
    rng, service.shape = np.random.default_rng(0), (1, 8, 8)

    def noisy(x: np.ndarray) -> np.ndarray:
        return by_brightness(x) + rng.uniform(0, 1e-3, (len(x), 10))

    service.classify = noisy
    varying = RemoteModel(png(service), images.spec)
    varying(images.test[:20].images())
    assert not varying.facts.deterministic
    sure = by_brightness(images.test[:20].images().numpy())
    assert np.diff(np.sort(sure, axis=1)[:, -2:], axis=1).min() > 2e-3
    assert varying.row_problem() == ""
    service.classify = lambda x: always_seven(x) + rng.uniform(0, 1e-3, (len(x), 10))
    assert "another class" in varying.row_problem()
