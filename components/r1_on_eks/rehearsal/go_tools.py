"""The programs that are built from Go modules: each with what its build needs.

The modules below `tools/` name the version of each, and of everything that it requires.
"""

from dataclasses import dataclass, replace
from pathlib import Path

Version = tuple[int, ...]

# In the published package; in a checkout they are where its other tools are.
_CARRIED = Path(__file__).resolve().parent / "go_modules"
_MODULES = _CARRIED if _CARRIED.is_dir() else Path(__file__).resolve().parents[3] / "tools"


@dataclass(frozen=True)
class GoTool:
    """A program built from a module of `tools/`.

    Attributes:
        name: Name of the executable and of the module's folder.
        package: What `go build` builds, inside that module.
        stamped: Module whose version goes into the binary.
        flags: `-X` settings; `{version}`, `{major}` and `{minor}` are that module's.
        usable: The oldest version that is used when found on PATH; None: always build.
        minutes: How long a build takes on two cores.
        folder: Its folder in `tools/`, where that is not its name.
        requirements: Name of its `.mod` and `.sum` files.
        c: Whether it may be linked with C.
    """

    name: str
    package: str
    stamped: str
    flags: tuple[str, ...]
    usable: Version | None
    minutes: int
    folder: str = ""
    requirements: str = "go"
    c: bool = True

    @property
    def sources(self) -> Path:
        """Where it is built from."""
        return _MODULES / (self.folder or self.name)

    @property
    def go_mod(self) -> Path:
        """What it requires."""
        return self.sources / f"{self.requirements}.mod"


PULUMI = GoTool(
    name="pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    stamped="github.com/pulumi/pulumi/sdk/v3",
    # Without it the Automation API refuses the CLI.
    flags=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",),
    usable=(3, 230),
    minutes=5,
)
CONTROL_PLANE = GoTool(
    name="control-plane",
    package=".",
    stamped="k8s.io/kubernetes",
    flags=(
        "k8s.io/component-base/version.gitVersion={version}",
        "k8s.io/component-base/version.gitMajor={major}",
        "k8s.io/component-base/version.gitMinor={minor}",
    ),
    usable=None,
    minutes=7,
)
# By the Kubernetes version that a cluster asks for. Only the first is built beforehand: the
# others are what clusters are upgraded to.
CONTROL_PLANES = {
    "1.35": CONTROL_PLANE,
    "1.36": replace(
        CONTROL_PLANE, name="control-plane-1.36", folder="control-plane", requirements="1.36"
    ),
}
KWOK = GoTool(
    name="kwok",
    package="sigs.k8s.io/kwok/cmd/kwok",
    stamped="sigs.k8s.io/kwok",
    flags=("sigs.k8s.io/kwok/pkg/consts.Version={version}",),
    usable=None,
    minutes=3,
)
LWS = GoTool(
    name="lws",
    package="sigs.k8s.io/lws/cmd",
    stamped="sigs.k8s.io/lws",
    flags=("sigs.k8s.io/lws/pkg/version.GitVersion={version}",),
    usable=None,
    minutes=2,
)
PROMETHEUS_OPERATOR = GoTool(
    name="prometheus-operator",
    package="github.com/prometheus-operator/prometheus-operator/cmd/operator",
    stamped="github.com/prometheus-operator/prometheus-operator",
    flags=("github.com/prometheus/common/version.Version={version}",),
    usable=None,
    minutes=3,
)
ALERTMANAGER = GoTool(
    name="alertmanager",
    package="github.com/prometheus/alertmanager/cmd/alertmanager",
    stamped="github.com/prometheus/alertmanager",
    flags=("github.com/prometheus/common/version.Version={version}",),
    usable=None,
    minutes=1,
)
CHARTS = GoTool(
    name="charts", package=".", stamped="helm.sh/helm/v3", flags=(), usable=None, minutes=1
)
# Only a test that runs it builds it: 3,300 packages, most of them clients of what it can ask.
KEDA = GoTool(
    name="keda",
    package="github.com/kedacore/keda/v2/cmd/operator",
    stamped="github.com/kedacore/keda/v2",
    flags=("github.com/kedacore/keda/v2/version.Version={version}",),
    usable=None,
    minutes=25,
    c=False,
)
KEDA_METRICS = replace(
    KEDA,
    name="keda-metrics",
    package="github.com/kedacore/keda/v2/cmd/adapter",
    folder="keda",
    minutes=2,
)
