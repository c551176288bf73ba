"""A real local server that classifies images, with faults that a test chooses."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

Classify = Callable[[np.ndarray], np.ndarray]


class Reply(NamedTuple):
    """Status, content and headers of an answer; a list of parts is sent slowly, a part in 50 ms."""

    status: int = 200
    content: bytes | list[bytes] = b""
    headers: dict[str, str] = {}  # noqa: RUF012 # never changed


class Service:
    """A server on loopback; `requests` are the bodies that it got, `images` what it read of them.

    `classify`: float32 (n, C, H, W) to scores (n, K). `fault(number, body)` may replace the answer to a
    request. `labels`: answer classes only. `most`: images of a request, more are refused with 413.
    """

    def __init__(self, classify: Classify, *, shape: tuple[int, int, int] = (1, 28, 28)) -> None:
        self.classify, self.shape = classify, shape
        self.fault: Callable[[int, bytes], Reply | None] = lambda _number, _body: None
        self.labels, self.most, self.decimals = False, 1024, None
        self.datatype, self.classes = "UINT8", 10
        self.requests: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.sizes: list[int] = []
        self.lock = threading.Lock()
        self.url = ""

    def scores(self, x: np.ndarray) -> np.ndarray:
        """The scores of images, as sent."""
        with self.lock:
            self.sizes.append(len(x))
            scores = self.classify(x)
        return scores if self.decimals is None else scores.round(self.decimals)

    def answer(self, path: str, body: bytes) -> Reply:
        """The honest answer to a request."""
        request = json.loads(body)
        if path == "/v2/models/net/infer":
            return self._infer(request)
        if path == "/png":
            content = base64.b64decode(request["image"].removeprefix("data:image/png;base64,"))
            pixels = np.asarray(Image.open(io.BytesIO(content)), np.float32) / 255
            scores = self.scores(pixels.reshape(1, *self.shape))[0]
            label = {"label": f"digit {int(scores.argmax())}"}
            named = {f"digit {k}": float(score) for k, score in enumerate(scores)}
            return _json(label if self.labels else {"result": {"scores": named}})
        instances = np.array(request["instances"], np.float32)
        if len(instances) > self.most:
            return Reply(413)
        scores = self.scores(instances.transpose(0, 3, 1, 2))
        ranked = [
            [{"label": str(k), "score": float(one[k])} for k in (-one).argsort()] for one in scores
        ]
        return _json({"predictions": ranked})

    def _infer(self, request: dict[str, Any]) -> Reply:
        (tensor,) = request["inputs"]
        if tensor["shape"][0] > self.most:
            return Reply(413)
        x = np.array(tensor["data"], np.float32).reshape(tensor["shape"])
        scores = self.scores(x / 255 if tensor["datatype"] == "UINT8" else x)
        label = {"name": "label", "datatype": "INT64", "shape": [len(x)]}
        label["data"] = scores.argmax(1).tolist()
        table = {"name": "probabilities", "datatype": "FP64", "shape": list(scores.shape)}
        table["data"] = scores.reshape(-1).tolist()
        return _json({"outputs": [label] if self.labels else [label, table]})

    def metadata(self) -> Reply:
        """What the Open Inference Protocol says of the model."""
        tensor = {"name": "images", "datatype": self.datatype, "shape": [-1, *self.shape]}
        label = {"name": "label", "datatype": "INT64", "shape": [-1]}
        table = {"name": "probabilities", "datatype": "FP64", "shape": [-1, self.classes]}
        outputs = [label] if self.labels else [label, table]
        return _json({"name": "net", "inputs": [tensor], "outputs": outputs})

    @property
    def model(self) -> str:
        """The SPEC of the model."""
        return f"{self.url}/v2/models/net"


def _json(value: Any) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


@contextlib.contextmanager
def serving(service: Service) -> Iterator[Service]:
    """The service on a free port of loopback, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self.reply(service.metadata())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with service.lock:
                number = len(service.requests)
                service.requests.append(body)
                service.headers.append(dict(self.headers))
            self.reply(service.fault(number, body) or service.answer(self.path, body))

        def reply(self, answer: Reply) -> None:
            parts = answer.content if isinstance(answer.content, list) else [answer.content]
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(sum(map(len, parts))))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client has gone
                for number, part in enumerate(parts):
                    if number:
                        threading.Event().wait(0.05)
                    self.wfile.write(part)
                    self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def of_network(network: torch.nn.Module) -> Classify:
    """Probabilities of a network."""

    @torch.no_grad()
    def classify(x: np.ndarray) -> np.ndarray:
        probabilities: np.ndarray = network(torch.from_numpy(x)).double().softmax(1).numpy()
        return probabilities

    return classify


def by_brightness(x: np.ndarray) -> np.ndarray:
    """Probabilities of ten classes by mean brightness: class k near k / 10."""
    mean = x.astype(np.float64).reshape(len(x), -1).mean(1, keepdims=True)
    logits = -40 * np.abs(mean - (np.arange(10) + 0.5) / 10)
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    table: np.ndarray = exponents / exponents.sum(1, keepdims=True)
    return table
