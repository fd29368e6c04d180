"""Whether there is what a fault names: a typing error must not pass as a rehearsed fault."""

import gzip
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from r1_on_eks.rehearsal.fault_words import Fault, NoSuchFault


def check_name(fault: Fault) -> None:
    """Refuses an operation, an instance type or a resource type that AWS does not have.

    What depends on the command (names of node groups, types of Kubernetes, the Nth of a type) is
    known at its end alone: `Rehearsal.run` tells what did not happen.

    Raises:
        NoSuchFault: there is none of this name; says which are near.
    """
    if fault.kind == "throttle" and fault.words[0] != "*":
        operations = _declared_operations()
        if fault.words[0] not in operations and not _is_operation(fault.words[0]):
            _refuse_unknown(fault, "operation", fault.words[0], operations)
    elif fault.kind in ("no-capacity", "no-spare"):
        _refuse_unknown(fault, "instance type", fault.words[0], _instance_types())
    elif fault.kind == "die" and _is_awss(fault.words[2]):
        from r1_on_eks.rehearsal.aws_provider.table import ROWS

        _refuse_unknown(fault, "type", fault.words[2], ROWS)


def _is_awss(pattern: str) -> bool:
    """`*:Service` may be Kubernetes' too; `Vpc` alone is nobody's."""
    return pattern.startswith("aws:") or not (
        pattern.startswith("kubernetes:") or set(pattern) & set("*?[")
    )


def _refuse_unknown(fault: Fault, called: str, name: str, known: Iterable[str]) -> None:
    from r1_on_eks.rehearsal.aws_provider.problems import near

    known = list(known)
    exactly = called != "type"
    if name in known if exactly else any(fnmatchcase(one, name) for one in known):
        return
    raise NoSuchFault(f"{fault.text}: there is no {called} {name}{near(name, known)}")


def _declared_operations() -> list[str]:
    """Of the services whose resources a program can declare here."""
    from r1_on_eks.rehearsal.aws_provider.table import ROWS

    services = sorted({row.service for row in ROWS.values()})
    return [name for service in services for name in _operations(service)]


def _is_operation(name: str) -> bool:
    """Whether any service of AWS has it: a command may ask what no program declares."""
    import botocore

    # Searched as text: to parse the models of all services takes ten times as long.
    mark = re.compile(rf'"{re.escape(name)}"\s*:\s*{{\s*"name"'.encode())
    models = (Path(botocore.__file__).parent / "data").glob("*/*/service-2.json*")
    return any(mark.search(_text(one)) for one in models)


def _text(model: Path) -> bytes:
    read = model.read_bytes()
    return gzip.decompress(read) if model.suffix == ".gz" else read


def _operations(service: str) -> list[str]:
    from botocore.session import get_session

    return list(cast("Any", get_session().get_service_model(service).operation_names))


def _instance_types() -> list[str]:
    from botocore.session import get_session

    shape = get_session().get_service_model("ec2").shape_for("InstanceType")
    return list(cast("Any", shape).enum)
