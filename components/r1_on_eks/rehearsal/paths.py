"""Where a rehearsal keeps what it writes."""

import os
from dataclasses import dataclass
from pathlib import Path


def cache_directory() -> Path:
    """What is built or unpacked once per user, shared by all rehearsals of that user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "r1-on-eks"


@dataclass(frozen=True)
class State:
    """One rehearsal's own directory; removing it while nothing runs forgets the rehearsal."""

    root: Path

    @classmethod
    def from_environment(cls) -> "State":
        """The rehearsal that this process runs in.

        Raises:
            RuntimeError: this process does not run inside a rehearsal.
        """
        root = os.environ.get("R1_REHEARSAL_STATE")
        if not root:
            raise RuntimeError("not inside a rehearsal: start it with `r1 rehearse -- COMMAND`")
        return cls(Path(root))

    @property
    def home(self) -> Path:
        """HOME of every command: no profile, key or plug-in of the user is in it."""
        return self.root / "home"

    @property
    def bin(self) -> Path:
        """The executables that commands find first on PATH."""
        return self.root / "bin"

    @property
    def logs(self) -> Path:
        """One file per background process."""
        return self.root / "logs"

    @property
    def processes(self) -> Path:
        """One record per background process."""
        return self.root / "processes"

    @property
    def project(self) -> Path:
        """The copy of Pulumi.yaml and stacks/ that the engine may write to."""
        return self.root / "project"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME."""
        return self.root / "pulumi"

    @property
    def backend(self) -> Path:
        """The file backend: the stacks' states."""
        return self.root / "backend"

    @property
    def key(self) -> Path:
        """The key that its gateways know, for its own requests."""
        return self.root / "gateway-key"

    @property
    def pace(self) -> Path:
        """How fast its stand-ins for vLLM answer (pace.py)."""
        return self.root / "pace.json"

    @property
    def clusters(self) -> Path:
        """One directory per running control plane."""
        return self.root / "clusters"
