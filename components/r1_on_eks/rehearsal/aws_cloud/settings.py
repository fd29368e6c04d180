"""What the server was started with, for the backends that act on their own."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One local cloud.

    Attributes:
        port: Of the loopback interface.
        state_root: The rehearsal's directory.
        account: The only account there is.
        region: Where the signed-in person works.
        control_planes: False: clusters get an endpoint that nothing answers.
        patience_s: How long a node group or an add-on waits for what it needs. AWS goes on for
            some 20 minutes; whoever orders resources rightly needs none of it.
    """

    port: int
    state_root: Path
    account: str
    region: str
    control_planes: bool = True
    patience_s: float = 5.0

    @property
    def endpoint(self) -> str:
        """Where every AWS service of this cloud is reached."""
        return f"http://127.0.0.1:{self.port}"


_installed: list[Settings] = []


def install(chosen: Settings) -> None:
    """Makes `chosen` the settings of this process."""
    _installed[:] = [chosen]


def settings() -> Settings:
    """The settings of this process.

    Raises:
        RuntimeError: the server was not started.
    """
    if not _installed:
        raise RuntimeError("the local cloud has not been started in this process")
    return _installed[0]
