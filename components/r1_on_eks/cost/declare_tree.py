"""Runs the program of a tree for one stack, and prints what it registers as JSON.

python -P declare_tree.py ROOT STACK

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
    """Prints the registrations, or exits with 1 and one error of the program."""
    root, stack = Path(argv[0]).resolve(), argv[1]
    sys.path[:0] = [str(root / "components")]
    # What programs print is no part of the answer.
    answer, sys.stdout = sys.stdout, sys.stderr
    import pulumi
    import yaml
    from pulumi.runtime import mocks

    class Monitor(mocks.MockMonitor):
        """Keeps every request; answers with what was asked for."""

        def __init__(self) -> None:
            super().__init__(_Answers())
            self.told: list[dict[str, Any]] = []

        def make_urn(self, parent: str, type_: str, name: str) -> str:
            """As the engine makes it, with the types of all components around (sdk/go urn.New)."""
            around = parent.split("::")[2] if parent else ""
            kind = type_ if around in ("", "pulumi:pulumi:Stack") else f"{around}${type_}"
            return f"urn:pulumi:{stack}::{project['name']}::{kind}::{name}"

        def RegisterResource(self, request: Any) -> Any:  # noqa: N802
            urn = self.make_urn(request.parent, request.type, request.name)
            self.told.append(_told(request, urn, request.object))
            return super().RegisterResource(request)

        def ReadResource(self, request: Any) -> Any:  # noqa: N802
            urn = self.make_urn(request.parent, request.type, request.name)
            self.told.append(_told(request, urn, request.properties) | {"external": True})
            return super().ReadResource(request)

    class _Answers(mocks.Mocks):
        def new_resource(self, args: Any) -> tuple[Any, dict[Any, Any]]:
            return None, dict(args.inputs)

        def call(self, args: Any) -> Any:
            raise AssertionError(f"a program must not look anything up: {args.token}")

    content = yaml.safe_load((root / "stacks" / f"Pulumi.{stack}.yaml").read_text()) or {}
    project = yaml.safe_load((root / "Pulumi.yaml").read_text())
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in (content.get("config") or {}).items()
    }
    monitor = Monitor()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(_Answers(), project=project["name"], stack=stack, preview=True, monitor=monitor)
    pulumi.runtime.set_all_config(config)
    os.chdir(root)
    program = root / str(project.get("main", "."))
    try:
        loop.run_until_complete(
            mocks.run_pulumi_func(lambda: runpy.run_path(str(program), run_name="__main__"))
        )
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    json.dump(monitor.told, answer)
    return 0


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
