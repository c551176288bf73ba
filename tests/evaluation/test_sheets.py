"""Contact sheets of adversarial examples of any form."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.sheets import contact_sheet
from securemnist.models.loading import from_model


@pytest.mark.parametrize(
    ("shape", "mode", "factor"),
    [((1, 28, 28), "L", 2), ((3, 12, 20), "RGB", 3), ((4, 32, 32), "RGB", 2)],
)
def test_a_sheet_shows_images_of_any_form(
    shape: tuple[int, int, int], mode: str, factor: int
) -> None:
    """Each pair keeps its colours and proportions: the clean image left, the example right of it."""
    channels, height, width = shape
    images = torch.randint(0, 256, (3, *shape), generator=torch.Generator().manual_seed(0))
    data = DataSet.from_tensors(images.to(torch.uint8), torch.tensor([0, 1, 0]))
    model = nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, data.spec.classes))
    context = Context(from_model(model, name="m", input_spec=data.spec), data)
    changed = (255 - images[[0, 2]].numpy()).astype(np.float32) / 255
    sheet = contact_sheet(Examples(np.array([0, 2]), changed), context)
    picture = Image.open(io.BytesIO(sheet))
    assert picture.mode == mode
    assert picture.size == (2 * factor * (2 * width + 4), factor * (height + 4))
    pixels = np.asarray(picture)[::factor, ::factor].reshape(height + 4, 4 * width + 8, -1)
    shown = images.numpy()[:, :3].transpose(0, 2, 3, 1)
    pair = pixels[2:-2, 2 * width + 6 : -2]
    assert np.array_equal(pair[:, :width], shown[2])
    assert np.array_equal(pair[:, width:], 255 - shown[2])
