"""Languages that each variant was made for, by ISO 639-1 code."""

SOURCE = (
    "base models' cards on Hugging Face, read 2026-11-24: Qwen2.5 (13 of its 'over 29' are named),"
    " Llama 3.1 and 3.3; Qwen2.5-Math (1.5b, 7b) as remembered; DeepSeek-R1's paper, section on"
    " limits: tuned in Chinese and English, may mix languages elsewhere"
)

# What R1's answers were distilled in; elsewhere a variant may think, or answer, in one of them.
TUNED = ("en", "zh")
_QWEN = (*TUNED, "ar", "de", "es", "fr", "it", "ja", "ko", "pt", "ru", "th", "vi")
_LLAMA = (*TUNED, "de", "es", "fr", "hi", "it", "pt", "th")

LANGUAGES: dict[str, tuple[str, ...]] = {
    "1.5b": TUNED,
    "7b": TUNED,
    "8b": _LLAMA,
    "14b": _QWEN,
    "32b": _QWEN,
    "70b": _LLAMA,
    "671b": TUNED,
}
KNOWN = tuple(sorted({code for codes in LANGUAGES.values() for code in codes}))
