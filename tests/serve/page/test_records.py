"""The answers of the page that observers, such as the audit log, get."""

from __future__ import annotations

from securemnist.serve.record import Record
from tests.serve.page.pages import page_client, pixels, random_data, service
from tests.serve.page.test_routes import DIGITS, DRAWING


def test_classified_images_are_recorded() -> None:
    """Observers get image, class and digest of each answer, of the other models and of an attack, too."""
    records: list[Record] = []
    served = service(random_data(1, 28, DIGITS))
    with page_client(served, observers=[records.append]) as client:
        image = pixels(client.post("/page/drawing", content=DRAWING).json())
        found = client.post("/page/attack?model=1", content=image).json()
    first, beside, second, label, *others = records
    assert first.images is not None
    assert (first.images * 255).round().byte().numpy().tobytes() == image
    assert first.logits is not None
    assert first.model == "0" * 64
    assert (second.model, second.path) == ("1" * 64, "/page/attack")
    assert [record.further for record in (first, beside, second, label)] == [
        False,
        True,
        False,
        True,
    ]
    assert all(record.further for record in others)
    assert (beside.model, beside.images) == ("1" * 64, first.images)
    assert (label.model, label.path) == ("1" * 64, "/page/attack")
    assert label.predictions is not None
    assert label.predictions.tolist() == [found["label"]]
    given = [one["label"] for one in found.get("predictions", [])]
    assert [
        int(record.predictions[0]) for record in others if record.predictions is not None
    ] == given
    if found["distance"] is not None:
        assert [record.model for record in others] == ["0" * 64, "1" * 64]


def test_certificates_record_the_class_that_they_are_about() -> None:
    """The class of a certificate's image is recorded; what is refused has no further answer."""
    records: list[Record] = []
    served = service(random_data(1, 28, DIGITS))
    with page_client(served, observers=[records.append]) as client:
        image = pixels(client.post("/page/drawing", content=DRAWING).json())
        records.clear()
        label = client.post("/page/certificate?model=0", content=image).json()["label"]
        assert [int(r.predictions[0]) for r in records if r.predictions is not None] == [label]
        records.clear()
        client.post("/page/certificate?model=9", content=image)
    assert [record.further for record in records] == [False]
