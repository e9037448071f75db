"""The decisions with one of their rules taken out, to see what each rule is good for."""

import ast
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harvestmouse.core.plan import Reason


def without_reason(module: ModuleType, reason: Reason, function: str) -> Callable[..., Any]:
    """Return a function of *module* as it would be had nobody written the rule that gives this reason."""
    return _changed(module, _Removal(reason), function)


def with_text(module: ModuleType, old: str, new: str, function: str) -> Callable[..., Any]:
    """Return a function of *module* as it would be with *old* written otherwise, in its one place."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{source.count(old)} places say {old!r}"
    return _run(module, ast.parse(source.replace(old, new)), function)


def _changed(module: ModuleType, change: "_Removal", function: str) -> Callable[..., Any]:
    tree = change.visit(ast.parse(inspect.getsource(module)))
    assert change.removed, f"no rule of {module.__name__} gives {change.reason}"
    return _run(module, ast.fix_missing_locations(tree), function)


def _run(module: ModuleType, tree: ast.Module, function: str) -> Callable[..., Any]:
    names: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(tree, str(module.__file__), "exec"), names)
    changed: Callable[..., Any] = names[function]
    return changed


class _Removal(ast.NodeTransformer):
    """Drop an `if` that returns a reason; of a choice between two reasons only the other one stays."""

    def __init__(self, reason: Reason) -> None:
        self.reason, self.removed = reason, 0

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        if any(isinstance(one, ast.Return) and self._gives(one.value) for one in node.body):
            self.removed += 1
            return None
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if self._names(node.body):
            self.removed += 1
            return node.orelse
        return node

    def _gives(self, value: ast.expr | None) -> bool:
        """Whether a returned value is this reason, or is where an earlier choice has not applied."""
        if isinstance(value, ast.IfExp):
            return self._names(value.orelse)
        if isinstance(value, ast.Call):
            return any(self._names(one.value) for one in value.keywords)
        return value is not None and self._names(value)

    def _names(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == self.reason.name
