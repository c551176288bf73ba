"""Data sets: MNIST and others of its form."""

from securemnist.data.dataset import FILES, PINNED, DataSet, Digits, check_torchvision, load

__all__ = ["FILES", "PINNED", "DataSet", "Digits", "check_torchvision", "load"]
