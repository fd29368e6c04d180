"""What tables and findings are printed on."""

from rich.console import Console

# A table that is squeezed further would cut its figures: the terminal wraps its lines instead.
_LEAST_COLUMNS = 80


class Screen(Console):
    """Standard output, whose reader may leave early."""

    def on_broken_pipe(self) -> None:
        """Lets `r1` end with 141; rich would exit with 1, which is "the answer is no"."""
        raise BrokenPipeError


def screen() -> Screen:
    """Standard output: coloured on a terminal without NO_COLOR, and never too narrow."""
    console = Screen(highlight=False)
    console.width = max(_LEAST_COLUMNS, console.width)
    return console
