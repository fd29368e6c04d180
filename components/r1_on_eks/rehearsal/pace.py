"""How fast the stand-ins for vLLM answer: set by `r1 rehearse pace`, read at each request."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds to the first token, and per token after it."""

    first_token_s: float = 0.0
    per_token_s: float = 0.05


def parse_pace(text: str) -> Pace:
    """`200,20`: milliseconds to the first token, and per token.

    Raises:
        ValueError: it is something else.
    """
    try:
        first, each = (float(part) / 1000 for part in text.split(","))
    except ValueError:
        first = each = -1.0
    if not (0 <= first < 3600 and 0 <= each < 3600):
        raise ValueError(
            f"{text}: is no pace; write milliseconds to the first token, and per token: 200,20"
        )
    return Pace(first_token_s=first, per_token_s=each)


def write_pace(file: Path, pace: Pace) -> None:
    """For the requests from now on."""
    written = file.with_suffix(".new")
    written.write_text(json.dumps(asdict(pace)))
    # At once: a stand-in may be reading.
    written.replace(file)


def pace_in(file: Path | None) -> Pace:
    """What was set; else the default."""
    if file is None or not file.exists():
        return Pace()
    return Pace(**json.loads(file.read_text()))
