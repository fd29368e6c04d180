"""Which attention kernels vLLM takes on a GPU, where nobody tells it otherwise."""

SOURCE = (
    "vLLM 0.33.0, platforms/cuda.py _get_backend_priorities, and supports_compute_capability of"
    " each backend in v1/attention/backends; read 2026-11-24"
)

# By the major number of the compute capability; keys and values in 16 bits, heads of 128 (dense)
# or R1's latent attention. Names are those of `--attention-backend`.
_DENSE = {"8": "FLASH_ATTN", "9": "FLASH_ATTN", "10": "FLASHINFER", "12": "FLASH_ATTN"}
_LATENT = {
    "8": "TRITON_MLA",
    "9": "FLASH_ATTN_MLA",
    "10": "FLASHINFER_MLA",
    "12": "TRITON_MLA",
}


def attention_backend(compute_capability: str, *, latent: bool) -> str:
    """The backend's name in vLLM; `vLLM's choice` for hardware that the rows don't know.

    Args:
        compute_capability: As in `Gpu`.
        latent: Whether the model has latent attention (671b).
    """
    major = compute_capability.partition(".")[0]
    return (_LATENT if latent else _DENSE).get(major, "vLLM's choice")
