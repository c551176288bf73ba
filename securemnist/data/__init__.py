"""Data sets: MNIST, and others as IDX files, arrays, pictures, Parquet and CIFAR's binary files."""

from securemnist.data.dataset import FILES, PINNED, DataSet
from securemnist.data.loading import load
from securemnist.data.samples import Samples
from securemnist.data.torchvision_check import check_torchvision

__all__ = ["FILES", "PINNED", "DataSet", "Samples", "check_torchvision", "load"]
