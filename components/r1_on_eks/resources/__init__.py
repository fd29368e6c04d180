"""Declarations: one component per file, joined only by `r1_on_eks.program`."""
