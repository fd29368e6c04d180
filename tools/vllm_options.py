"""Lists the options of `vllm serve` from a vLLM wheel, without importing vLLM.

    pip download --no-deps --only-binary :all: --platform manylinux_2_28_x86_64 \
        --python-version 3.12 --implementation cp --abi abi3 --dest DIR vllm==VERSION
    python tools/vllm_options.py DIR/vllm-*.whl > components/r1_on_eks/catalog/vllm_options.json

Follows the statements that fill the parser; a field's annotation becomes a kind by the rules of
`_compute_kwargs` in vllm/engine/arg_utils.py. What cannot be followed ends it with an error.

Kinds: `flag` (with its negative spellings), `switch` (without), `optional` (with or without a
value), `choice`, `int`, `float`, `str`, `json`. Further keys: `many` (several values follow),
`suffix` (1k, 2M …), `words` (taken beside the kind's values), `folds` (letter case), `short`,
`checked` (the parser takes any text, the engine refuses other choices).
"""

import argparse
import ast
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

ENGINE = "vllm.engine.arg_utils"
SERVER = "vllm.entrypoints.common.cli_args"
# Options that the parser takes as text, and where the engine looks their values up.
LOOKED_UP = {
    "--quantization": ("vllm.model_executor.layers.quantization", "QuantizationMethods", {}),
    "--load-format": ("vllm.model_executor.model_loader", "LoadFormats", {}),
    "--tool-call-parser": ("vllm.tool_parsers", "_TOOL_PARSERS_TO_REGISTER", {}),
    "--reasoning-parser": (
        "vllm.reasoning", "_REASONING_PARSERS_TO_REGISTER", {"words": ["none"]},
    ),
    "--attention-backend": (
        "vllm.v1.attention.backends.registry", "AttentionBackendEnum",
        {"folds": "upper", "words": ["auto"]},
    ),
}  # fmt: skip
# `human_readable_int_args` of _compute_kwargs.
SUFFIXED = {
    "max_model_len", "max_num_batched_tokens", "max_num_scheduled_tokens",
    "kv_cache_memory_bytes", "safetensors_prefetch_block_size", "max_num_queued_tokens",
}  # fmt: skip
Spec = dict[str, Any]
Hint = tuple[str, Any]
Definition = ast.expr | ast.ClassDef | ast.FunctionDef


class Module:
    """One source file: what its top level defines, and what it imports."""

    def __init__(self, name: str, text: str, *, package: bool) -> None:
        self.name, self._package = name, package
        self.defined: dict[str, Definition] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        self.stars: list[str] = []
        self._read(ast.parse(text).body)

    def _read(self, statements: list[ast.stmt]) -> None:
        for node in statements:
            match node:
                case ast.If():  # both branches of `if TYPE_CHECKING`
                    self._read([*node.orelse, *node.body])
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ):
                    self.defined[name] = value
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    self.defined[name] = node
                case ast.ImportFrom():
                    self._imports(node)

    def _imports(self, node: ast.ImportFrom) -> None:
        parts = self.name.split(".")
        base = parts[: len(parts) - node.level + self._package] if node.level else []
        source = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            self.imported[alias.asname or alias.name] = (source, alias.name)
        if node.names[0].name == "*":
            self.stars.append(source)


class Wheel:
    """The sources inside a wheel, parsed when asked for."""

    def __init__(self, path: Path) -> None:
        self.version = path.name.split("-")[1]
        self._archive = zipfile.ZipFile(path)
        self._modules: dict[str, Module] = {}

    def module(self, name: str) -> Module:
        """The module of a dotted name."""
        if name not in self._modules:
            file = name.replace(".", "/")
            package = f"{file}/__init__.py" in self._archive.namelist()
            text = self._archive.read(f"{file}/__init__.py" if package else f"{file}.py").decode()
            self._modules[name] = Module(name, text, package=package)
        return self._modules[name]

    def find(self, name: str, module: Module) -> tuple[Module, Definition] | None:
        """Where a name of a module is defined; None for what lies outside vLLM."""
        if name in module.defined:
            return module, module.defined[name]
        if name in module.imported:
            source, original = module.imported[name]
            inside = source.startswith("vllm")
            return self.find(original, self.module(source)) if inside else None
        for source in module.stars:
            if name in self.module(source).defined:
                return self.find(name, self.module(source))
        raise LookupError(f"{module.name} does not define {name}")

    def class_of(self, name: str, module: Module) -> tuple[Module, ast.ClassDef]:
        """The class that a name of a module stands for, and its module."""
        match self.find(name, module):
            case (where, ast.ClassDef() as node):
                return where, node
        raise LookupError(f"{module.name}: {name} is no class")

    def body(self, owner: str, name: str, module: Module) -> list[ast.stmt]:
        """The statements of a method."""
        lines = self.class_of(owner, module)[1].body
        return next(n.body for n in lines if isinstance(n, ast.FunctionDef) and n.name == name)

    def values(self, node: ast.AST, module: Module) -> list[str | int]:
        """Constants that an expression names: those of a Literal, a mapping, an enum."""
        match node:
            case ast.Constant(value=str() | int() as value):
                return [value]
            case ast.Dict(keys=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
                return [value for part in parts if part for value in self.values(part, module)]
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
                return self.values(inner, module)
            case ast.Call(func=ast.Name(id="get_args"), args=[inner]):
                return self.values(inner, module)
            case ast.BinOp(left=left) if "device_type" in ast.unparse(node):
                return [*self.values(left, module), "cuda"]
            case ast.ClassDef(body=body):
                targets = [line.targets[0] for line in body if isinstance(line, ast.Assign)]
                return [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.Name(id=name) if found := self.find(name, module):
                return self.values(found[1], found[0])
        raise LookupError(f"{module.name}: no values in {ast.unparse(node)}")

    def hints(self, node: ast.expr, module: Module) -> list[Hint]:
        """The alternatives of an annotation as pairs of a word and its detail."""
        match node:
            case ast.BinOp(op=ast.BitOr()):
                return [*self.hints(node.left, module), *self.hints(node.right, module)]
            case ast.Constant(value=str() as text):
                return self.hints(ast.parse(text, mode="eval").body, module)
            case ast.Subscript(value=ast.Name(id="Literal")):
                return [("literal", self.values(node, module))]
            case ast.Subscript(value=ast.Name(id="list" | "set" | "tuple"), slice=inner):
                first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
                return [("many", self.hints(first, module))]
            case ast.Subscript(value=ast.Name(id="dict")):
                return [("dict", None)]
            case ast.Constant(value=None) | ast.Name(id="bool" | "int" | "float" | "str" | "dict"):
                return [(ast.unparse(node), None)]
            case ast.Name(id=name) if found := self.find(name, module):
                return self._named(found[1], found[0])
        return [("other", None)]

    def _named(self, node: Definition, module: Module) -> list[Hint]:
        if isinstance(node, ast.expr):
            return self.hints(node, module)
        marks = {ast.unparse(mark).split("(")[0] for mark in node.decorator_list}
        bases = [ast.unparse(base) for base in getattr(node, "bases", [])]
        if marks & {"config", "dataclass"}:
            return [("dataclass", None)]
        return [("dict" if any(base.startswith("dict") for base in bases) else "other", None)]


def kind_of(name: str, hints: list[Hint]) -> Spec:
    """The kind of a field, by the order of cases of `_compute_kwargs`."""
    words = dict(hints)
    none: Spec = {"words": ["None"]} if "None" in words else {}
    auto: Spec = {"words": ["-1", "auto"]} if name == "max_model_len" else none
    choices = sorted(map(str, words.get("literal", ())))
    inner = words.get("many", ())
    cases: list[tuple[bool, Spec]] = [
        ("dataclass" in words, {"kind": "json", **none}),
        (set(words) == {"bool", "str", "None"}, {"kind": "optional"}),
        ("bool" in words, {"kind": "flag"}),
        ("literal" in words and "str" in words, {"kind": "str"}),
        ("literal" in words, {"kind": "choice", "choices": choices, **none}),
        (len(inner) == 1, {**(kind_of(name, inner) if len(inner) == 1 else {}), "many": True}),
        ("many" in words, {"kind": "str", "many": True}),
        ("int" in words and name in SUFFIXED, {"kind": "int", "suffix": True, **auto}),
        ("int" in words, {"kind": "int", **none}),
        ("float" in words, {"kind": "float", **none}),
        ("dict" in words and set(words) <= {"dict", "None"}, {"kind": "json", **none}),
    ]
    return next((spec for holds, spec in cases if holds), {"kind": "str"})


class Parser:
    """Follows the statements that fill the parser."""

    def __init__(self, wheel: Wheel) -> None:
        self.options: dict[str, Spec] = {}
        self._wheel = wheel

    def fields(self, class_name: str, module: Module) -> dict[str, Spec]:
        """`get_kwargs(class_name)`: a spec per field, those of its bases first."""
        where, node = self._wheel.class_of(class_name, module)
        specs: dict[str, Spec] = {}
        for base in node.bases:
            if isinstance(base, ast.Name) and self._wheel.find(base.id, where):
                specs |= self.fields(base.id, where)
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                name = line.target.id
                specs[name] = kind_of(name, self._wheel.hints(line.annotation, where))
        return specs

    def follow(self, statements: list[ast.stmt], module: Module, known: dict[str, Any]) -> None:
        """Runs the statements as far as they shape options."""
        for node in statements:
            match node:
                case ast.If():
                    self.follow(node.body, module, known)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    known[name] = self._value(value, module, known) or known.get(name)
                case ast.Assign(
                    targets=[ast.Subscript(value=of, slice=ast.Constant(value="type"))]
                ):
                    _retype(self._value(of, module, known), ast.unparse(node.value))
                case ast.Delete(targets=[ast.Subscript(value=of)]):
                    self._value(of, module, known).pop("many", None)
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="remove", value=of)) as call):
                    choices = self._value(of, module, known)
                    for value in self._wheel.values(call.args[0], module):
                        choices.remove(value)
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add_argument")) as call):
                    self._add(call, module, known)

    def _value(self, node: ast.expr, module: Module, known: dict[str, Any]) -> Any:
        match node:
            case ast.Call(func=ast.Name(id="get_kwargs"), args=[ast.Name(id=name)]):
                return self.fields(name, module)
            case ast.Subscript(value=of, slice=ast.Constant(value=key)):
                inner = self._value(of, module, known)
                return inner[key] if inner else None
            case ast.Name(id=name):
                return known.get(name)
            case ast.Dict(keys=[None, *_], values=[first, *_]):  # {**spec, "default": …}
                return self._value(first, module, known)
        return None

    def _add(self, call: ast.Call, module: Module, known: dict[str, Any]) -> None:
        names = [str(part.value) for part in call.args if isinstance(part, ast.Constant)]
        spec: Spec = {}
        for word in call.keywords:
            if word.arg is None:
                spec |= self._value(word.value, module, known)
        spec = spec or self._plain({word.arg: word.value for word in call.keywords}, module)
        for name in names:
            if name.startswith("--"):
                self.add(name, spec, [short for short in names if not short.startswith("--")])

    def _plain(self, words: dict[str | None, ast.expr], module: Module) -> Spec:
        action = ast.unparse(words["action"]) if "action" in words else ""
        if action == "'store_true'" or action.endswith("BooleanOptionalAction"):
            return {"kind": "switch" if action == "'store_true'" else "flag"}
        if "choices" in words:
            values = self._wheel.values(words["choices"], module)
            return {"kind": "choice", "choices": sorted(map(str, values))}
        kind = ast.unparse(words["type"]) if "type" in words else "str"
        return {"kind": kind if kind in ("int", "float") else "str"}

    def add(self, name: str, spec: Spec, short: list[str]) -> None:
        """Takes up an option, with the negative spellings of `EnableDisableAction`."""
        row = {**spec, **({"short": short} if short else {})}
        if spec["kind"] == "flag":
            pairs = (("--enable-", "--disable-"), ("--disable-", "--enable-"))
            others = [to + name.removeprefix(of) for of, to in pairs if name.startswith(of)]
            row["negative"] = sorted([f"--no-{name.removeprefix('--')}", *others])
        if name in LOOKED_UP:
            home, table, more = LOOKED_UP[name]
            values = self._wheel.values(ast.Name(id=table), self._wheel.module(home))
            row |= {"kind": "choice", "choices": sorted(map(str, values)), "checked": "engine"}
            row |= more
        self.options[name] = row


def _retype(spec: Spec, text: str) -> None:
    if "json.loads" in text:
        spec["kind"] = "json"
    elif "lower()" in text:
        spec["folds"] = "lower"
    elif text == "optional_type(str)":
        spec["kind"] = "str"


def options_of(wheel: Wheel) -> dict[str, Spec]:
    """Every long option of `vllm serve`, by `make_arg_parser`."""
    engine, server, parser = wheel.module(ENGINE), wheel.module(SERVER), Parser(wheel)
    parser.follow(getattr(server.defined["make_arg_parser"], "body", []), server, {})
    known = {"frontend_kwargs": parser.fields("FrontendArgs", server)}
    for class_name in ("BaseFrontendArgs", "FrontendArgs"):
        parser.follow(wheel.body(class_name, "_customize_cli_kwargs", server), server, known)
    for name, spec in known["frontend_kwargs"].items():
        parser.add(f"--{name.replace('_', '-')}", spec, [])
    for class_name in ("EngineArgs", "AsyncEngineArgs"):
        parser.follow(wheel.body(class_name, "add_cli_args", engine), engine, {})
    return parser.options


def main() -> None:
    """Prints the list of one wheel as JSON, an option per line."""
    arguments = argparse.ArgumentParser(description="The options of `vllm serve`, from a wheel.")
    arguments.add_argument("wheel", type=Path)
    wheel = Wheel(arguments.parse_args().wheel)
    rows = sorted(options_of(wheel).items())
    lines = [f"    {json.dumps(name)}: {json.dumps(row, sort_keys=True)}" for name, row in rows]
    head = f'{{\n  "version": {json.dumps(wheel.version)},\n  "options": {{\n'
    sys.stdout.write(head + ",\n".join(lines) + "\n  }\n}\n")


if __name__ == "__main__":
    main()
