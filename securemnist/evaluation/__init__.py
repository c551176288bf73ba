"""Evaluation of one model: samples, attack ladders, certificates, stored examples, doubts."""
