"""How an answer is held against the right one: whole, by its words, and as a translation is."""

import re
from collections import Counter
from typing import Any


def scores(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """Of one question.

    Args:
        doc: Its line of answers.jsonl.
        results: What the model answered, without its thinking.

    Returns:
        exact_match and f1, from 0 to 1; for bleu, which is one figure of all, the two texts.
    """
    said, right = final(results[0]), doc["answer"]
    return {
        "exact_match": float(_words(said) == _words(right)),
        "f1": _f1(_words(said), _words(right)),
        "bleu": (right, said),
    }


def final(answer: str) -> str:
    """What stands in its last box, or all of it where there is none."""
    begin = answer.rfind(r"\boxed{")
    if begin < 0:
        return answer.strip()
    depth, inside = 1, answer[begin + len(r"\boxed{") :]
    for place, letter in enumerate(inside):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if not depth:
            return inside[:place].strip()
    return inside.strip()


# A Chinese character is a word; 9.11 and 1,000 are one each.
_WORD = re.compile(r"[一-鿿]|[^\W一-鿿]+(?:[.,][^\W一-鿿]+)*")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _f1(said: list[str], right: list[str]) -> float:
    shared = sum((Counter(said) & Counter(right)).values())
    return 2 * shared / (len(said) + len(right)) if shared else 0.0
