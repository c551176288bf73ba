"""Linear relaxations of one sample's network, in domains, with optimised slopes and multipliers."""
