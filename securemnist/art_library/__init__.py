"""Access to ART (Nicolae et al. 2018, arXiv 1807.01069) for attacks, defences and training."""
