"""Families of engines whose intervals and disagreements are kept apart."""

from r1_on_eks.calibration.rows import Row

NEWER = "vLLM ≥ 0.8"
OLDER = "vLLM 0.7"
OTHERS = "other engines"
FAMILIES = (NEWER, OLDER, OTHERS)


def family_of(row: Row) -> str:
    """Engines whose intervals are kept apart."""
    if row.engine == "vllm-0.7":
        return OLDER
    return NEWER if row.engine.startswith("vllm") else OTHERS
