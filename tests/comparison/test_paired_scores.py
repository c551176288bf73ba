"""Scores of two versions on the same images: the exact test and the intervals of drawn images."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from securemnist.comparison import paired_scores
from securemnist.comparison.intervals import Paired, extreme_interval
from securemnist.comparison.paired_scores import PairedScores

KINDS, MOST = 5, 3


def of_table(table: Paired, kinds: int = 1) -> PairedScores:
    """One answer to each image of a table, the same under each kind."""
    neither = table.n - table.gained - table.lost - table.both
    counts = [table.gained, table.lost, table.both, neither]
    old, new = (np.repeat(cells, counts) for cells in ([0, 1, 1, 0], [1, 0, 1, 0]))
    return PairedScores(np.tile(old, (kinds, 1)), np.tile(new, (kinds, 1)), 1)


def versions(n: int, shift: float, rng: np.random.Generator) -> PairedScores:
    """Right answers to n images, of which some are easy under all kinds.

    The two versions differ by image, and by answer; the new one is worse by `shift`.
    """
    ease = rng.normal(0, 1, n) + np.linspace(1.5, 0, KINDS)[:, None, None]
    old = ease + rng.normal(0, 0.5, (KINDS, MOST, n))
    new = old - shift + rng.normal(0, 0.3, n) + rng.normal(0, 0.05, old.shape)
    return PairedScores((old > 0).sum(1), (new > 0).sum(1), MOST)


TABLES = [Paired(100, 3, 7, 80), Paired(50, 0, 6, 40), Paired(44, 0, 1, 43), Paired(9, 0, 0, 5)]


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_one_answer_to_each_image_is_mcnemar(table: Paired) -> None:
    """Test and interval are those of the paired table that the answers make."""
    scores = of_table(table)
    assert scores.p_value == pytest.approx(table.p_value, abs=1e-9)
    (alone,) = scores.intervals()
    assert alone == pytest.approx(extreme_interval([table], np.min), abs=1e-2)


def test_the_exact_test_counts_all_signs() -> None:
    """The p-value is the share of sign changes that give a sum at least as far from zero."""
    old, new = np.array([[3, 2, 5, 0, 1, 4]]), np.array([[1, 2, 2, 1, 0, 1]])
    differences = (new - old)[0]
    signs = np.array(list(itertools.product([-1, 1], repeat=6)))
    extreme = abs(signs @ differences) >= abs(differences.sum())
    assert PairedScores(old, new, 5).p_value == pytest.approx(extreme.mean(), abs=1e-12)


def test_many_differences_have_the_normal_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the p-value hardly differs from the exact one."""
    rng = np.random.default_rng(2)
    old, new = rng.integers(0, 6, (2, 3, 4_000))
    exact = PairedScores(old, new, 5).p_value
    monkeypatch.setattr(paired_scores, "_MOST_FLIPS", 10)
    assert 0.01 < exact < 0.99
    assert PairedScores(old, new, 5).p_value == pytest.approx(exact, abs=0.01)


def test_an_image_under_fifteen_corruptions_is_one_sample() -> None:
    """Answers that repeat each other make no interval narrower, and no test surer."""
    one, many = (of_table(Paired(300, 3, 12, 250), kinds) for kinds in (1, 15))
    assert many.interval(np.mean) == pytest.approx(one.interval(np.mean), abs=1e-9)
    assert many.interval(np.min) == pytest.approx(one.interval(np.min), abs=1e-9)
    assert many.p_value == pytest.approx(one.p_value, abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_intervals_cover(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The true difference of means, and of the worst kinds, is inside in about 95 of 100 samples."""
    rng = np.random.default_rng(3)
    old, new = versions(200_000, shift, rng).shares
    monkeypatch.setattr(paired_scores, "DRAWS", 2_000)
    samples = [versions(300, shift, rng) for _ in range(200)]
    for extreme in (np.mean, np.min):
        true, inside = extreme(new) - extreme(old), 0
        for scores in samples:
            low, high = scores.interval(extreme)
            inside += low <= true <= high
        assert inside / 200 >= 0.93


def test_a_drop_narrower_than_one_interval_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three points less on 300 images are worse, and no change is hardly ever called so."""
    rng = np.random.default_rng(4)
    monkeypatch.setattr(paired_scores, "DRAWS", 4_000)
    found = [versions(300, shift, rng).interval(np.mean)[1] < 0 for shift in [0.15] * 30 + [0] * 30]
    assert sum(found[:30]) >= 28
    assert sum(found[30:]) <= 2


def test_the_interval_reaches_to_zero_where_the_exact_test_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five losses without a gain have p = 1/16: that is no difference, whatever the draws say."""
    monkeypatch.setattr(paired_scores, "NOTHING_KNOWN", 1e-6)
    scores = of_table(Paired(5_000, 0, 5, 4_900))
    assert scores.intervals()[0][1] < 0
    assert scores.interval(np.mean)[1] == 0


def seconds(scores: PairedScores) -> float:
    """Processor seconds of an interval of means."""
    began = time.process_time()
    scores.interval(np.mean)
    return time.process_time() - began


def test_beyond_two_thousand_images_neighbours_are_drawn_together() -> None:
    """The interval has the width of the standard error; fifty times as many images cost little more."""
    rng = np.random.default_rng(5)
    old = rng.integers(0, 2, (1, 20_000))
    new = np.where(rng.random(old.shape) < 0.1, 1 - old, old)
    few, many = PairedScores(old, new, 1), PairedScores(np.tile(old, 50), np.tile(new, 50), 1)
    low, high = few.interval(np.mean)
    error = (new - old).std() / np.sqrt(20_000)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.08)
    assert seconds(many) < 5 * seconds(PairedScores(old, new, 1))
