"""How far a checkpoint is."""

import threading


class Progress:
    """Counts the bytes of each file that are in the bucket; another class shows them.

    Args:
        ahead: What is said once before anything is brought; nothing where it is empty.
    """

    def __init__(self, ahead: str = "") -> None:
        self._ahead = ahead
        self.total = 0
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """Bytes of all files."""
        with self._lock:
            return sum(self._done.values())

    def begin(self, total: int) -> None:
        """All files together."""
        self.total = total
        self._done.clear()
        if self._ahead:
            self.say(self._ahead)

    def did(self, name: str, count: int) -> None:
        """So many bytes more of a file are there."""
        with self._lock:
            self._done[name] = self._done.get(name, 0) + count

    def again(self, name: str) -> None:
        """A file is done anew."""
        with self._lock:
            self._done.pop(name, None)

    def say(self, line: str) -> None:
        """Something that a person should know."""
