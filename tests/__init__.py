"""The tests of the framework itself."""

from securemnist.runtime.openmp import short_spin

short_spin()  # before torch is loaded
