"""How text is put together."""


def indented(text: str) -> str:
    """`text`, four spaces further to the right."""
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())
