"""Data sets: MNIST, and others in its file format."""

from securemnist.data.dataset import FILES, PINNED, DataSet, Digits, check_torchvision, load

__all__ = ["FILES", "PINNED", "DataSet", "Digits", "check_torchvision", "load"]
