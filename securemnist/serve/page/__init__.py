"""The drawing page: draw a digit, see what the models answer, what is proved, and an attack on it."""

from securemnist.serve.page.routes import routes

__all__ = ["routes"]
