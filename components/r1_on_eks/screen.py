"""What tables and findings are printed on."""

from rich.console import Console

# A table that is squeezed further would cut its figures: the terminal wraps its lines instead.
_LEAST_COLUMNS = 80


def screen() -> Console:
    """Standard output: coloured on a terminal without NO_COLOR, and never too narrow."""
    console = Console(highlight=False)
    console.width = max(_LEAST_COLUMNS, console.width)
    return console
