"""The requests of the page, without a browser."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from securemnist.serve.page.assets import POLICY
from tests.serve.hosts import Client
from tests.serve.page.pages import (
    HOSTILE_NAMES,
    encoded,
    page_client,
    pixels,
    random_data,
    service,
)

DIGITS = tuple("0123456789")
DRAWING = bytes(255 if 40 < k % 140 < 80 else 0 for k in range(140 * 140))
PRIVATE = ("models", "drawing", "picture", "test-image", "certificate?model=0", "attack?model=0")


def bomb(side: int) -> bytes:
    """A small PNG file that declares this side."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


FILES = {
    "empty": b"",
    "text": b"<script>alert(1)</script>",
    "gif": b"GIF89a" + bytes(50),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "bomb": bomb(5000),
    "truncated": encoded(np.zeros((50, 50), np.uint8))[:-30],
    "transparent": encoded(np.zeros((20, 20, 4), np.uint8)),
}


@pytest.fixture(scope="module")
def grey() -> Iterator[Client]:
    """The page of two models of 28x28 grey images."""
    with page_client(service(random_data(1, 28, DIGITS))) as client:
        yield client


@pytest.fixture(scope="module")
def colour() -> Iterator[Client]:
    """The page of a model of 16x16 colour images, with hostile class names."""
    with page_client(service(random_data(3, 16, HOSTILE_NAMES), count=1)) as client:
        yield client


@pytest.mark.parametrize("path", PRIVATE)
def test_requests_need_a_token(path: str) -> None:
    """Without a token no request of the page is answered."""
    with page_client(service(random_data(1, 28, DIGITS)), token=False) as client:
        method = "GET" if path == "models" else "POST"
        assert client.request(method, f"/page/{path}").status_code == 401


def test_public_files_name_no_model() -> None:
    """The page and its files are public, have the strict policy, and name neither model nor class."""
    with page_client(service(random_data(3, 16, HOSTILE_NAMES)), token=False) as client:
        page = client.get("/")
        assert page.headers["content-security-policy"] == POLICY
        assert "unsafe" not in POLICY
        files = [word.split('"')[0] for word in page.text.split('"/page/')[1:]]
        texts = [page.text, *(client.get(f"/page/{file}").text for file in files)]
        assert len(files) == 4
        assert not any(name in text for text in texts for name in (*HOSTILE_NAMES[:2], "1" * 64))
        assert "style=" not in page.text
        assert "<script>" not in page.text


def test_page_can_be_left_out() -> None:
    """With `page = false` there is neither the page nor any of its requests."""
    with page_client(service(random_data(1, 28, DIGITS)), page=False) as client:
        assert client.get("/").status_code == 404
        assert client.post("/page/drawing", content=DRAWING).status_code == 404


def test_drawing_is_prepared_and_classified(grey: Client) -> None:
    """A drawing becomes an image of 28x28, with a class and ten probabilities of each model."""
    answer = grey.post("/page/drawing", content=DRAWING).json()
    assert len(pixels(answer)) == 784
    assert [len(one["probabilities"]) for one in answer["predictions"]] == [10, 10]
    for one in answer["predictions"]:
        assert one["label"] == max(range(10), key=one["probabilities"].__getitem__)
        assert all(round(share, 3) == share for share in one["probabilities"])


def test_labels_only_hides_probabilities() -> None:
    """With `labels_only` the page gets classes without probabilities, also of an attacked image."""
    with page_client(service(random_data(1, 28, DIGITS)), labels_only=True) as client:
        answer = client.post("/page/drawing", content=DRAWING).json()
        found = client.post("/page/attack?model=1", content=pixels(answer)).json()
        for one in (*answer["predictions"], *found["predictions"]):
            assert one["probabilities"] is None


def test_test_image_has_its_label(grey: Client) -> None:
    """A test image is one of the test split, with the label of its place."""
    data = random_data(1, 28, DIGITS)
    answer = grey.post("/page/test-image").json()
    sample = data.test[answer["place"] : answer["place"] + 1]
    assert pixels(answer) == sample.pixels.numpy().tobytes()
    assert answer["truth"] == int(sample.labels[0])


def test_proof_and_attack_enclose_the_distance(grey: Client) -> None:
    """Of one image, what is proved is below what an attack finds, for each model."""
    image = random_data(1, 28, DIGITS).test[5:6].pixels.numpy().tobytes()
    for model in (0, 1):
        proof = grey.post(f"/page/certificate?model={model}", content=image).json()
        found = grey.post(f"/page/attack?model={model}", content=image).json()
        assert 0 < proof["proved"] < found["distance"] < 0.5
        assert found["prediction"] == found["predictions"][model]["label"] != proof["label"]
        changes = np.frombuffer(pixels(found), np.uint8).astype(int) - np.frombuffer(
            image, np.uint8
        )
        assert abs(changes).max() / 255 <= found["distance"] + 1 / 255


@pytest.mark.parametrize("attacks", [None, False])
def test_attacks_are_off_beyond_loopback(*, attacks: bool | None) -> None:
    """The page attacks on loopback only, or where the settings say so."""
    host = "127.0.0.1" if attacks is False else "0.0.0.0"  # noqa: S104
    served = service(random_data(1, 28, DIGITS))
    with page_client(served, host=host, attacks=attacks, hosts=("127.0.0.1",)) as client:
        assert client.get("/page/models").json()["attacks"] is False
        answer = client.post("/page/attack?model=0", content=bytes(784))
        assert answer.status_code == 403


def test_attacks_can_be_switched_on() -> None:
    """`attacks = true` serves attacks on any address."""
    served = service(random_data(1, 28, DIGITS))
    with page_client(served, host="0.0.0.0", attacks=True) as client:  # noqa: S104
        assert client.get("/page/models").json()["attacks"] is True


def test_without_data_nothing_is_proved() -> None:
    """Without test images the page classifies, and offers neither proof, attack nor test image."""
    with page_client(service(random_data(1, 28, DIGITS), with_data=False)) as client:
        offer = client.get("/page/models").json()
        assert (offer["data"], offer["certificates"], offer["attacks"]) == (None, False, False)
        assert client.post("/page/drawing", content=DRAWING).status_code == 200
        for path in ("test-image", "certificate?model=0", "attack?model=0"):
            answer = client.post(f"/page/{path}", content=bytes(784))
            assert answer.status_code == 400
            assert "data set" in answer.json()["error"]


@pytest.mark.parametrize("name", FILES)
def test_hostile_files_get_one_sentence(colour: Client, name: str) -> None:
    """What is no whole opaque PNG, JPEG or BMP picture within the caps is refused in one sentence."""
    answer = colour.post("/page/picture", content=FILES[name])
    assert answer.status_code == 400
    sentence = answer.json()["error"]
    assert sentence.startswith("the picture: expected")
    assert "<" not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("shape", [(40, 30, 3), (16, 16)])
def test_pictures_become_images(colour: Client, kind: str, shape: tuple[int, ...]) -> None:
    """A picture, grey or in colours, becomes an image of the model's size."""
    array = np.full(shape, 200, np.uint8)
    answer = colour.post("/page/picture", content=encoded(array, kind)).json()
    image = answer["image"]
    assert (image["channels"], image["height"], image["width"]) == (3, 16, 16)
    assert pixels(answer) == bytes([200]) * (3 * 256)
    assert len(answer["predictions"]) == 1


def test_colours_become_grey(grey: Client) -> None:
    """For a model of grey images a colour picture becomes its luminance."""
    array = np.zeros((28, 28, 3), np.uint8)
    array[..., 1] = 255
    answer = grey.post("/page/picture", content=encoded(array)).json()
    assert set(pixels(answer)) == {150}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("drawing", b"\1" * 10),
        ("drawing", bytes(140 * 140)),
        ("certificate?model=0", bytes(783)),
        ("certificate?model=2", bytes(784)),
        ("certificate?model=-1", bytes(784)),
        ("certificate", bytes(784)),
        ("attack?model=0%00", bytes(784)),
        ("attack?model=0", b""),
    ],
)
def test_malformed_requests_are_refused(grey: Client, path: str, content: bytes) -> None:
    """Another number of bytes, an empty drawing and an unknown model are refused in one sentence."""
    answer = grey.post(f"/page/{path}", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("expected")


def test_colour_images_cannot_be_drawn() -> None:
    """A page of colour images offers pictures instead of a drawing, and refuses drawings."""
    # A service of its own: it prepares its certificates in a thread, which must end before other tests.
    with page_client(service(random_data(3, 16, HOSTILE_NAMES), count=1)) as client:
        offer = client.get("/page/models").json()
        assert (offer["drawing"], offer["upload"]) == (False, True)
        assert offer["classes"] == list(HOSTILE_NAMES)
        assert client.post("/page/drawing", content=DRAWING).status_code == 400
