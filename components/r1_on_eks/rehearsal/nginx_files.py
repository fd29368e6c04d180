"""The deployed nginx.conf on this machine: the same text with this machine's addresses in it."""

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from r1_on_eks.rehearsal.nginx_package import Nginx

CONFIGURATION = "nginx.conf"
# Where the container has its files, and the folder that takes its place here.
_CONTAINER_FOLDER = "/etc/nginx/"
_FOLDER = "etc"
# Nothing listens on the discard port of a machine of today.
_DEAD_ADDRESS = "127.0.0.1:9"

_RESOLVER = re.compile(r"^[ \t]*resolver [^;]*;\n", re.M)
_MODULE = re.compile(r"^load_module [^;]*;\n", re.M)
_LISTEN = re.compile(r"^([ \t]*listen )\d+(?![.\d])", re.M)
# Of the pod itself, for the exporter beside nginx.
_LISTEN_INSIDE = re.compile(r"^([ \t]*listen )127\.0\.0\.1:\d+", re.M)
# For whoever asks in the cluster's network alone.
_LISTEN_METRICS = re.compile(r"^([ \t]*listen )0\.0\.0\.0:\d+", re.M)
_LISTEN_6 = re.compile(r"^([ \t]*listen )\[::\]:\d+([^\n]*)\n", re.M)
PEER = re.compile(
    r"^(?P<indent>[ \t]*)server (?P<host>[a-z0-9.-]+):\d+ resolve(?P<rest>[^;]*);$", re.M
)


def rewritten(
    text: str,
    port: int,
    addresses: Mapping[str, list[str]],
    nginx: Nginx,
    folder: str = "/tmp",
    *,
    status_port: int = 0,
    metrics_port: int = 0,
) -> str:
    """The deployed text with this machine's addresses in it; nothing else is changed.

    Args:
        text: What the stack deployed.
        port: Where to listen, on loopback.
        addresses: `host:port` of the servers of each upstream's host; none: a dead one.
        nginx: Whose njs module is loaded instead of the container's.
        folder: Takes the place of the container's /tmp, and holds its /etc/nginx.
        status_port: Where nginx tells of itself, where the text has it do so.
        metrics_port: Where it tells what it answered, likewise.
    """

    def peer(found: re.Match[str]) -> str:
        servers = addresses.get(found["host"]) or [_DEAD_ADDRESS]
        return "\n".join(f"{found['indent']}server {s}{found['rest']};" for s in servers)

    text = _RESOLVER.sub("", text)
    text = _LISTEN_INSIDE.sub(rf"\g<1>127.0.0.1:{status_port}", text)
    text = _LISTEN_METRICS.sub(rf"\g<1>127.0.0.1:{metrics_port}", text)
    text = _LISTEN.sub(rf"\g<1>127.0.0.1:{port}", text)
    text = _LISTEN_6.sub(rf"\g<1>[::1]:{port}\g<2>\n" if _has_ipv6() else "", text)
    text = text.replace(" /tmp/", f" {folder}/")
    text = text.replace(f" {_CONTAINER_FOLDER}", f" {folder}/{_FOLDER}/")
    # Last: the module may lie below a /tmp of this machine's.
    text = _MODULE.sub(f"load_module {nginx.js_module};\n", text)
    return PEER.sub(peer, text)


def place(folder: Path, files: Mapping[str, str]) -> bool:
    """Writes what the container finds below /etc/nginx, `tls/tls.crt`; returns if any changed."""
    changed = False
    for name, content in files.items():
        path = folder / _FOLDER / name
        if not path.exists() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(content)
            changed = True
    return changed


def below(mount_path: str) -> str | None:
    """`tls` of /etc/nginx/tls; None of what is mounted elsewhere."""
    inside = mount_path.startswith(_CONTAINER_FOLDER)
    return mount_path.removeprefix(_CONTAINER_FOLDER) if inside else None


def nginx_command(nginx: Nginx, configuration: Path) -> list[str]:
    """What starts nginx with `configuration` in the foreground."""
    # In the container it never was root; here its workers would become a user who may not write
    # into the rehearsal's folder.
    as_user = " user root;" if os.geteuid() == 0 else ""
    return [str(nginx.executable), "-c", str(configuration), "-g", f"daemon off;{as_user}"]


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
