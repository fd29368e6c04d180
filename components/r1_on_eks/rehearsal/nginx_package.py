"""nginx with njs, and kubectl: those on PATH if new enough, else from Debian's packages."""

from dataclasses import dataclass
from pathlib import Path

from r1_on_eks.rehearsal.debian_packages import DebianPackages, Say, unpacked
from r1_on_eks.rehearsal.toolchain import version_on_path

# nginx CHANGES: CVE-2026-42533 is fixed in 1.30.4.
_NGINX = (1, 30, 4)
# The control plane is 1.35; kubectl may be one minor version older (Kubernetes' skew policy).
_KUBECTL = (1, 34)
_JS_MODULE = "ngx_http_js_module.so"
_MODULE_FOLDERS = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"))
_PACKAGES = DebianPackages(
    folder="debian",
    packages=("nginx", "libnginx-mod-http-js", "kubectl"),
    programs={"nginx": "usr/sbin/nginx", "kubectl": "usr/bin/kubectl"},
    wanted="nginx {} or newer with njs and kubectl {} or newer are needed".format(
        *(".".join(map(str, version)) for version in (_NGINX, _KUBECTL))
    ),
)


@dataclass(frozen=True)
class Nginx:
    """An nginx that can run the gateway's configuration.

    Attributes:
        executable: The program, or a script that starts it.
        js_module: The njs module to load.
    """

    executable: Path
    js_module: Path


def find_or_unpack_nginx(say: Say) -> Nginx:
    """The nginx on PATH if it is new enough and has njs, else the unpacked one.

    Raises:
        ToolMissing: neither is to be had.
    """
    on_path = version_on_path("nginx", "-v")
    if on_path is not None and on_path[1] >= _NGINX:
        for folder in _MODULE_FOLDERS:
            if (folder / _JS_MODULE).exists():
                return Nginx(on_path[0], folder / _JS_MODULE)
    root = unpacked(_PACKAGES, say)
    return Nginx(root / "bin" / "nginx", root / "usr/lib/nginx/modules" / _JS_MODULE)


def find_or_unpack_kubectl(say: Say) -> Path:
    """The kubectl on PATH if it is new enough, else the unpacked one.

    Raises:
        ToolMissing: neither is to be had.
    """
    on_path = version_on_path("kubectl", "version", "--client")
    if on_path is not None and on_path[1] >= _KUBECTL:
        return on_path[0]
    return unpacked(_PACKAGES, say) / "bin" / "kubectl"
