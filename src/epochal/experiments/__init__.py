"""Experiments: a grid of networks over one study, each judged on held-out subjects."""
