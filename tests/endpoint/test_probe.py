"""The probe finds what a service does to images and scores."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from securemnist.endpoint.equal_answers import differs
from securemnist.endpoint.network import RemoteModel
from securemnist.endpoint.probe import Facts
from securemnist.errors import ModelError
from securemnist.input_spec import MNIST
from tests.endpoint.conftest import png, remote, table
from tests.endpoint.service import Service, by_brightness

X = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * torch.linspace(
    0.2, 1, 8
).view(-1, 1, 1, 1)


def facts(service: Service, **more: object) -> Facts:
    """What the probe of a batch endpoint finds."""
    return remote(table(service, **more)).probe(X)


def test_probe_of_an_honest_service(service: Service) -> None:
    """Probabilities, exact, equal for equal images, in batches of 32."""
    found = facts(service)
    assert (found.answers, found.decimals, found.deterministic) == ("probabilities", None, True)
    assert (found.batch, found.batch_note, found.rounds_inputs) == (32, "", False)
    assert found.seconds > 0
    assert found.seconds_an_image <= found.seconds


def test_probe_finds_rounded_scores(service: Service) -> None:
    """Scores of three decimals, also where they no longer sum to 1."""
    service.decimals = 3  # type: ignore[assignment]
    found = facts(service)
    assert (found.answers, found.decimals) == ("probabilities", 3)


def sure(x: np.ndarray) -> np.ndarray:
    """Probabilities of two classes, 0 and 1 but for images of medium brightness."""
    share = 1 / (1 + np.exp(-80 * (x.astype(np.float64).mean((1, 2, 3)) - 0.513)))
    return np.pad(np.stack([share, 1 - share], 1), ((0, 0), (0, 8)))


@pytest.mark.parametrize("decimals", [2, 4])
def test_probe_finds_decimals_of_sure_scores(decimals: int, service: Service) -> None:
    """Where all images get scores of 0 and 1, means of them show how others are rounded."""
    service.classify, service.decimals = sure, decimals  # type: ignore[assignment]
    x = torch.stack([X[0] * 0 + k % 2 for k in range(8)])
    assert remote(table(service)).probe(x).decimals == decimals


def test_small_scores_are_not_rounded(service: Service) -> None:
    """Scores near 0 and 1 by less than 1e-14 are no whole numbers."""
    service.classify = lambda x: 1e-20 * by_brightness(x)
    assert facts(service).decimals is None


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("kind", ["auto", "probabilities"])
def test_percentages_are_refused(kind: str, decimals: int | None, service: Service) -> None:
    """Percentages are neither probabilities nor logits; the description can call them logits."""
    service.classify, service.decimals = lambda x: 100 * by_brightness(x), decimals  # type: ignore[assignment]
    with pytest.raises(ModelError, match="got percentages; let it answer probabilities"):
        facts(service, kind=kind)
    assert facts(service, kind="logits").answers == "logits"


@pytest.mark.parametrize("kind", ["auto", "probabilities"])
def test_sure_answers_of_many_classes_are_no_percentages(kind: str, service: Service) -> None:
    """Scores of 0 and 1 of 200 classes are probabilities; percentages of as many classes are refused."""
    sure = np.eye(200)
    spec = dataclasses.replace(MNIST, classes=200)

    def found() -> Facts:
        return RemoteModel(table(service, kind=kind), spec).probe(X)

    service.classify = lambda x: sure[by_brightness(x).argmax(1)]
    assert found().answers == "probabilities"
    for percentages in (100 * sure, np.full((200, 200), 0.5)):
        service.classify = lambda x, of=percentages: of[by_brightness(x).argmax(1)]  # type: ignore[misc]
        with pytest.raises(ModelError, match="got percentages"):
            found()


@pytest.mark.parametrize(("decimals", "step"), [(0, 1.0), (1, 0.1), (None, 1e-3)])
def test_another_class_is_another_answer(decimals: int | None, step: float) -> None:
    """A step of the only decimals counts, one of the last of several does not."""
    one = np.array([[1.0, 0.0, 0.0]])
    assert differs(one, one - step * np.eye(3)[:1], decimals).all()
    assert not differs(one, one - 1e-3, 3).any()


@pytest.mark.parametrize("others", [[0.0] * 7, [-1e9] * 7], ids=["of one class", "of most"])
def test_scores_far_below_hide_no_change(others: list[float]) -> None:
    """Where a score of -1e9 makes the spread large, another class is another answer all the same."""
    one, other = np.array([[5.0, 1.0, -1e9, *others], [1.0, 5.0, -1e9, *others]])[:, None]
    assert differs(one, other, None).all()
    assert not differs(one, one + 1e-5, None).any()


def test_far_scores_hide_no_noise() -> None:
    """Where a class has a score of -1e9, other scores that vary are found, though no class changes."""
    one = np.array([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0, -1e9]])
    assert differs(one, one + 0.1, None).all()


@pytest.mark.parametrize("mask", [-1e4, -1e9, -3e38])
@pytest.mark.parametrize("shown", [1, 2, 4])
def test_masked_classes_hide_no_noise(mask: float, shown: int) -> None:
    """Where most classes have scores far below the others, noise of the others is found."""
    one = np.array([[*[5.0, 4.0, 3.0, 2.0][:shown], *[mask] * (10 - shown)]])
    noise = np.array([[0.1] * shown + [0.0] * (10 - shown)])
    assert differs(one, one + noise, None).all()
    assert not differs(one, one + 1e-4 * noise, None).any()


def test_errors_of_floats_are_no_noise() -> None:
    """Logarithms of probabilities near 0, and near ties, differ by errors of float32 in far scores."""
    one = np.array([[-1e-8, *[-1000.0] * 9], [0.01, 0.0, *[-50.0] * 8]])
    assert not differs(one, one * (1 + 1e-6), None).any()
    assert not differs(one, one + np.array([[1e-7], [1e-5]]), None).any()


def test_overflowing_spread_hides_no_change() -> None:
    """Scores at both ends of the range of floats, whose difference is infinite, are compared, too."""
    one = np.array([[1e308, 1.0, -1e308]])
    assert differs(one, one[:, [1, 0, 2]], None).all()


def test_probe_finds_logits(service: Service) -> None:
    """Scores outside [0, 1] are logits, unless the description says otherwise."""
    service.classify = lambda x: 5 * by_brightness(x) - 1
    assert facts(service).answers == "logits"
    with pytest.raises(ModelError, match='kind = "logits"'):
        facts(service, kind="probabilities")


def test_probe_finds_labels(service: Service) -> None:
    """A service that answers labels has no scores."""
    service.labels = True
    found = remote(png(service)).probe(X)
    assert (found.answers, found.decimals, found.batch) == ("labels only", None, 1)


def test_probe_finds_varying_answers(service: Service) -> None:
    """Five answers to one image that differ by more than rounding are not deterministic."""
    rng = np.random.default_rng(0)
    service.classify = lambda x: by_brightness(x + rng.normal(0, 0.02, (len(x), 1, 1, 1)))
    assert not facts(service).deterministic


@pytest.mark.parametrize(("most", "batch"), [(1, 1), (5, 4), (20, 16)])
def test_probe_finds_the_largest_batch(most: int, batch: int, service: Service) -> None:
    """A batch that is refused is halved until it is taken."""
    service.most = most
    found = facts(service)
    assert found.batch == batch
    assert "32 were refused" in found.batch_note


def test_probe_finds_answers_that_depend_on_the_batch(service: Service) -> None:
    """A service whose answers change in a batch is asked for one image at a time."""
    service.classify = lambda x: by_brightness((x + x.mean()) / 2)
    found = facts(service)
    assert found.batch == 1
    assert "differ from those alone" in found.batch_note


def test_probe_finds_rounded_inputs(service: Service) -> None:
    """A service that rounds floats to 8 bits is found."""
    service.classify = lambda x: by_brightness(np.rint(x * 255) / 255)
    assert facts(service).rounds_inputs


def test_facts_as_lines(service: Service) -> None:
    """What is printed says how images are sent, what is answered, and how fast."""
    model = remote(png(service))
    text = "\n".join(model.probe(X).lines(model.pixels))
    assert "8 bits a value as PNG" in text
    assert "probabilities, not rounded" in text
    assert "batch: 1 image a request" in text
    assert "images a second" in text
