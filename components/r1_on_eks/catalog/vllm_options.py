"""What the pinned vLLM's parser takes: a command line is held against its own list of options.

The list is `vllm_options.json`, written by tools/vllm_options.py from the wheel of the version
that it names. Abbreviations of options, which argparse would complete, count as unknown here.
"""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

# Kinds that no value must follow.
_ALONE = {"flag", "switch", "optional"}
_NUMBER = re.compile(r"-\d+(\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of `vllm serve`.

    Attributes:
        kind: flag, switch (a flag without `--no-`), optional (with or without a value), choice,
            int, float, str or json.
        choices: What a choice may be; of the parser, or of the engine right after it.
        words: Values that are taken beside those of the kind.
        negative: Spellings that switch a flag off.
        short: Spellings with one dash.
        many: Whether several values may follow.
        suffix: Whether an int may be written as 8k or 2M.
        folds: `lower` or `upper` where the letter case of a value does not count.
        checked: `engine` where the engine, not the parser, refuses other choices.
    """

    kind: str
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    many: bool = False
    suffix: bool = False
    folds: str = ""
    checked: str = "parser"


@cache
def options() -> dict[str, Option]:
    """Every long option, by its name."""
    return {name: _option(row) for name, row in _file()["options"].items()}


def version() -> str:
    """The version of vLLM whose options these are."""
    return str(_file()["version"])


def problems(arguments: Sequence[str]) -> list[str]:
    """What the parser would refuse in a command line after `vllm serve`, a sentence each."""
    found: list[str] = []
    spellings = _spellings()
    for spelling, values in _grouped(arguments):
        name, dot, _ = spelling.partition(".")
        option = spellings.get(name.replace("_", "-") if name.startswith("--") else name)
        if not spelling:
            # The first bare word of `vllm serve` is the model.
            found += [f"{value}: belongs to no option" for value in values[1:]]
        elif option is None:
            found.append(f"{spelling}: is no option of vLLM {version()}{_nearest(name)}")
        elif dot and option.kind != "json":
            found.append(f"{spelling}: {name} takes no keys")
        elif not dot:
            found += _of_values(spelling, option, values)
    return found


@cache
def _file() -> dict[str, Any]:
    return json.loads(files("r1_on_eks.catalog").joinpath("vllm_options.json").read_text())


def _option(row: dict[str, Any]) -> Option:
    lists = {key: tuple(row.get(key, ())) for key in ("choices", "words", "negative", "short")}
    rest: dict[str, Any] = {key: value for key, value in row.items() if key not in lists}
    return Option(**lists, **rest)


@cache
def _spellings() -> dict[str, Option]:
    return {
        spelling: option
        for name, option in options().items()
        for spelling in (name, *option.negative, *option.short)
    }


def _grouped(arguments: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each option with the words up to the next one; what comes before the first has no name."""
    spelling, values = "", list[str]()
    for word in arguments:
        if not word.startswith("-") or _NUMBER.fullmatch(word):
            values.append(word)
            continue
        yield spelling, values
        spelling, equals, value = word.partition("=")
        values = [value] if equals else []
    yield spelling, values


def _of_values(spelling: str, option: Option, values: list[str]) -> list[str]:
    most = 0 if option.kind in ("flag", "switch") else len(values) if option.many else 1
    if not values and option.kind not in _ALONE:
        return [f"{spelling}: needs a value"]
    extra = [f"{spelling}: {value} is one value too many" for value in values[most:]]
    wrong = (_of_value(option, value) for value in values[:most])
    return [f"{spelling}: {text}" for text in wrong if text] + extra


def _of_value(option: Option, value: str) -> str:
    folded = {"lower": value.lower().replace("-", "_"), "upper": value.upper()}
    if value in option.words or value.lower() in option.words:
        return ""
    if option.kind == "choice" and folded.get(option.folds, value) not in option.choices:
        nearest = difflib.get_close_matches(value, option.choices, n=1, cutoff=0.5)
        known = f"did you mean {nearest[0]}?" if nearest else f"{', '.join(option.choices)} are"
        return f"{value} is none of its choices; {known}"
    return "" if _converts(option, value) else f"{value} is no {option.kind}"


def _converts(option: Option, value: str) -> bool:
    if option.suffix and re.fullmatch(r"\d+[kKmMgGtT]|\d+\.\d+[kmgt]", value):
        return True
    convert = {"int": int, "float": float, "json": json.loads}.get(option.kind, str)
    try:
        convert(value)
    except ValueError:
        return False
    return True


def _nearest(name: str) -> str:
    nearest = difflib.get_close_matches(name, _spellings(), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""
