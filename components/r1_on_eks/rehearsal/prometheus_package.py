"""Prometheus and promtool: those on PATH if new enough, else from Debian testing's package."""

from dataclasses import dataclass
from pathlib import Path

from r1_on_eks.rehearsal.debian_packages import DebianPackages, Say, unpacked
from r1_on_eks.rehearsal.toolchain import version_on_path

# The long-term version that the operator deploys is 3.5; its rules need nothing newer.
_PROMETHEUS = (3, 5)
_PACKAGES = DebianPackages(
    folder="debian-prometheus",
    packages=("prometheus",),
    programs={"prometheus": "usr/bin/prometheus", "promtool": "usr/bin/promtool"},
    wanted=f"prometheus and promtool {'.'.join(map(str, _PROMETHEUS))} or newer are needed",
)


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus.

    Attributes:
        server: The program.
        promtool: What checks and tests its rules, and writes its blocks.
    """

    server: Path
    promtool: Path


def find_or_unpack_prometheus(say: Say) -> Prometheus:
    """Those on PATH if they are new enough, else the unpacked ones.

    Raises:
        ToolMissing: neither is to be had.
    """
    server = version_on_path("prometheus", "--version")
    promtool = version_on_path("promtool", "--version")
    if server and promtool and min(server[1], promtool[1]) >= _PROMETHEUS:
        return Prometheus(server[0], promtool[0])
    root = unpacked(_PACKAGES, say)
    return Prometheus(root / "bin" / "prometheus", root / "bin" / "promtool")
