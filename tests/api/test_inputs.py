"""Models, images and attacks that a call of the library takes or refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import securemnist as sm
from securemnist import errors
from securemnist.api.inputs import as_settings
from tests.small_network import small_network


def test_attacks_and_threats_in_every_form() -> None:
    """A value, a name, a text and a table of one attack or threat are one setting."""
    row = {"attack": {"use": "PGD", "steps": 2}, "threat": {"norm": "l2", "eps": 1.5}}
    for attack in ("PGD:steps=2", row["attack"]):
        for threat in (sm.L2(1.5), "l2:1.5", row["threat"]):
            assert as_settings(threat, attack, {}) == row
    value = sm.PGD(steps=2)
    assert as_settings(None, value, {}) == {"attack": value.to_json()}
    ladder = {"attack": {"use": "ladder", "budget": "standard"}, "images": 5}
    assert as_settings(None, "ladder:standard", {"images": 5}) == ladder
    assert as_settings(None, "art:DeepFool", {}) == {"attack": {"use": "art:DeepFool"}}


X, Y = torch.rand(3, 1, 28, 28), torch.tensor([1, 2, 3])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X.double(), Y), "float32"),
        ((X.mul(255).int(), Y), "got int32"),
        ((X.to_sparse(), Y), "got a sparse tensor"),
        ((X[:, 0], Y), r"got \(3, 28, 28\)"),
        ((X[:0], Y[:0]), "at least one"),
        ((X.permute(0, 2, 3, 1), Y), r"got \(3, 28, 28, 1\), whose channels are last; permute"),
        ((X + 1, Y), "pixels from"),
        ((X * torch.nan, Y), "NaN"),
        ((X, Y[:2]), r"shape \(2,\); pass one label an image$"),
        ((X, torch.eye(10)[Y]), r"shape \(3, 10\); .*y\.argmax\(1\)"),
        ((X, np.array(["cat", "dog", "cat"])), r"<U3; number the classes from 0.*unique"),
        ((X[..., :14], Y * 0), "got 1; use other data, or name classes without an image"),
        ((X, Y - 2), "labels from -1 to 1"),
        ((X, Y.float()), "got float32"),
        ((X.tolist(), Y), "got list"),
        ((np.array([object()]), Y), "object"),
        (X, "got Tensor"),
    ],
)
def test_wrong_images_are_one_sentence(data: Any, said: str) -> None:
    """Images or labels of another type, shape or range are a DataError that says what was passed."""
    with pytest.raises(errors.DataError, match=said):
        sm.measure("clean_accuracy", small_network(), data)


def test_pixels_are_not_rounded(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Bytes give the digest of the same files; other pixels are kept exactly, with their own digest."""
    x, y = images
    coarse, fine = sm.DataSet.from_tensors(x, y), sm.DataSet.from_tensors(x * 0.999, y)
    assert coarse.test.pixels.dtype is torch.uint8
    assert torch.equal(fine.test.images(), x * 0.999)
    assert coarse.digest != fine.digest
    known = sm.DataSet.from_tensors(x, y, training=(x[:7], y[:7]))
    assert known.copies.of_training == 7
    assert fine.copies.of_training == 0


def test_models_that_are_none() -> None:
    """What is no model, and a measure that needs one, are one sentence each."""
    with pytest.raises(errors.ModelError, match="got int"):
        sm.measure("clean_accuracy", 3, (X, Y))  # type: ignore[arg-type]
    with pytest.raises(errors.UsageError, match="expected a model for clean_accuracy"):
        sm.measure("clean_accuracy", None, (X, Y))
    with pytest.raises(errors.ModelError, match="expected logits"):
        sm.measure("clean_accuracy", nn.Flatten(), (X, Y))
    with pytest.raises(errors.PolicyError, match="robust_acuracy"):
        sm.measure("robust_acuracy", small_network(), (X, Y))


def test_an_attack_that_is_none() -> None:
    """A class, or another value that is no attack, is one sentence that shows it."""
    for wrong, said in ((sm.PGD, "got <class .*PGD'>"), (40, "got 40")):
        with pytest.raises(errors.UsageError, match=f"an attack like .*{said}"):
            sm.measure("robust_accuracy", small_network(), (X, Y), threat="linf:0.1", attack=wrong)  # type: ignore[arg-type]


def test_an_attack_of_a_class_that_no_module_names() -> None:
    """A class inside a function cannot be named by a row; the sentence says where it belongs."""

    class Local(sm.PGD):
        pass

    with pytest.raises(errors.UsageError, match=r"top level .*Local"):
        sm.measure("robust_accuracy", small_network(), (X, Y), threat="linf:0.1", attack=Local())


@pytest.mark.parametrize(
    "outputs", [nn.Flatten(0), nn.Sequential(nn.Flatten(), nn.Linear(784, 1)), nn.Identity()]
)
def test_a_model_without_logits_has_no_certificate(outputs: nn.Module) -> None:
    """Other outputs than logits of two classes or more are one sentence that names the wrappers."""
    with pytest.raises(errors.ModelError, match=r"logits \(n, K\) .*your-own-model"):
        sm.certify(outputs, X, Y, eps=0.01)
