"""Runs the program of a tree for some stacks, and prints what each registers: a line of JSON each.

python -P declare_tree.py ROOT STACK [STACK …]

It runs with that tree's own package, without engine, account or network, and stands alone: this
package's modules may be another revision's. Nothing answers for AWS: as in a preview, what AWS
will assign is unknown.
"""

import asyncio
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any


def main(argv: list[str]) -> int:
    """Prints `{"stack", "registered"}` of each stack, or `{"stack", "error"}`."""
    root = Path(argv[0]).resolve()
    sys.path[:0] = [str(root / "components")]
    os.chdir(root)
    # What programs print is no part of the answer.
    answer, sys.stdout = sys.stdout, sys.stderr
    for stack in argv[1:]:
        try:
            told = {"stack": stack, "registered": _registered(root, stack)}
        except Exception as error:
            # Whatever a program raises is its answer.
            kind = type(error).__name__
            told = {"stack": stack, "error": str(error) if kind == "RunError" else
                    f"{kind}: {error}"}  # fmt: skip
        print(json.dumps(told), file=answer, flush=True)
    return 0


def _registered(root: Path, stack: str) -> list[dict[str, Any]]:
    import pulumi
    import yaml
    from pulumi.runtime import mocks, rpc_manager, settings
    from pulumi.runtime.stack import run_pulumi_func

    project = yaml.safe_load((root / "Pulumi.yaml").read_text())
    content = yaml.safe_load((root / "stacks" / f"Pulumi.{stack}.yaml").read_text()) or {}
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in (content.get("config") or {}).items()
    }
    monitor = _monitor(stack, project["name"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Else the stack before would be the parent of everything.
    settings.set_root_resource(None)  # pyright: ignore[reportArgumentType]
    settings.SETTINGS.rpc_manager = rpc_manager.RPCManager()  # pyright: ignore[reportAttributeAccessIssue]
    mocks.set_mocks(
        monitor.mocks, project=project["name"], stack=stack, preview=True, monitor=monitor
    )
    pulumi.runtime.set_all_config(config)
    program = str(root / str(project.get("main", ".")))

    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    loop.run_until_complete(run_pulumi_func(run))
    return monitor.told


def _monitor(stack: str, project: str) -> Any:
    from pulumi.runtime import mocks

    class Answers(mocks.Mocks):
        """Tells of a resource what was asked for; nothing else is known."""

        def new_resource(self, args: Any) -> tuple[Any, dict[Any, Any]]:
            return None, dict(args.inputs)

        def call(self, args: Any) -> Any:
            raise AssertionError(f"a program must not look anything up: {args.token}")

    class Monitor(mocks.MockMonitor):
        """Keeps every request."""

        def __init__(self) -> None:
            super().__init__(Answers())
            self.told: list[dict[str, Any]] = []

        def make_urn(self, parent: str, type_: str, name: str) -> str:
            """As the engine makes it, with the types of all components around."""
            around = parent.split("::")[2] if parent else ""
            kind = type_ if around in ("", "pulumi:pulumi:Stack") else f"{around}${type_}"
            return f"urn:pulumi:{stack}::{project}::{kind}::{name}"

        def RegisterResource(self, request: Any) -> Any:  # noqa: N802
            urn = self.make_urn(request.parent, request.type, request.name)
            self.told.append(_told(request, urn, request.object))
            return super().RegisterResource(request)

        def ReadResource(self, request: Any) -> Any:  # noqa: N802
            urn = self.make_urn(request.parent, request.type, request.name)
            self.told.append(_told(request, urn, request.properties) | {"external": True})
            return super().ReadResource(request)

    return Monitor()


def _told(request: Any, urn: str, properties: Any) -> dict[str, Any]:
    from google.protobuf import json_format

    dependencies = getattr(request, "propertyDependencies", {})
    return {
        "urn": urn,
        "type": request.type,
        "custom": getattr(request, "custom", True),
        "parent": request.parent,
        "provider": request.provider,
        "inputs": json_format.MessageToDict(properties),
        "propertyDependencies": {key: list(value.urns) for key, value in dependencies.items()},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
