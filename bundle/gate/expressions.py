"""Grammar of the `$`-expressions that a config may hold: a small part of Python, looked at and never run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from monai.bundle import ReferenceResolver

from bundle.gate.policy import Policy

REFERENCES = "__local_refs"
"""Dictionary that MONAI writes in place of `@name`."""
_LONGEST = 400
_HIGHEST_POWER = 8
_PLAIN = (
    *(ast.Expression, ast.Load, ast.Slice, ast.Starred, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.IfExp, ast.keyword),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.UAdd, ast.USub, ast.Not, ast.BinOp, ast.Add, ast.Sub, ast.Mult),
    *(ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
    *(ast.In, ast.NotIn, ast.Is, ast.IsNot, ast.Subscript),
)
"""Parts that do nothing by themselves: they are allowed if what they hold is."""
_RELATIVE = re.compile("[@%](#|::)")


def imported(expression: str) -> str | None:
    """Return the module that an import statement names, as it was written; None for an expression.

    Args:
        expression: with its `$`.

    Example:
        >>> imported("$import inspect"), imported("$from os import system"), imported("$@network.to('cpu')")
        ('inspect', 'from os import system', None)
    """
    try:
        tree = ast.parse(expression[1:])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # MONAI looks at the first statement alone and calls it an import
    if not tree.body or not isinstance(tree.body[0], ast.Import | ast.ImportFrom):
        return None
    first = tree.body[0]
    plain = isinstance(first, ast.Import) and len(tree.body) == len(first.names) == 1 and not first.names[0].asname
    return first.names[0].name if plain else expression[1:]


def objections(expression: str, policy: Policy) -> list[str]:
    """Return what of an expression the grammar does not allow; nothing for one that may stay.

    Args:
        expression: with its `$` and `@`.
        policy: with its names, functions, attributes and whole expressions.

    Example:
        >>> objections("$@network_def.to(@device)", Policy.read())
        []
        >>> objections("$().__class__.__mro__", Policy.read())
        ['attribute __mro__', 'attribute __class__']
        >>> objections("$__import__('os').system('id')", Policy.read())
        ['attribute system', 'name __import__']
    """
    if expression in policy.expressions:
        return []
    if len(expression) > _LONGEST:
        return [f"{len(expression)} characters"]
    if _RELATIVE.search(expression):  # MONAI writes the names of the entries around it into the code
        return ["a relative reference"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(_as_monai_runs_it(expression), mode="eval")
        return list(dict.fromkeys(_Grammar(policy).visit(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"no expression ({type(error).__name__})"]


def _as_monai_runs_it(expression: str) -> str:
    """Return the code that Python would be given: MONAI replaces references in the text, inside of quotes too."""
    references = ReferenceResolver.match_refs_pattern(expression)
    return str(ReferenceResolver.update_refs_pattern(expression, references))[1:]


@dataclass(frozen=True)
class _Grammar:
    """Objections to the parts of an expression.

    Args:
        policy: what is allowed.
        variables: arguments of the lambdas around a part.
    """

    policy: Policy
    variables: frozenset[str] = frozenset()

    def visit(self, node: ast.AST) -> Iterator[str]:
        """Yield the objections to a part and to what it holds."""
        rule = getattr(self, f"_{type(node).__name__.lower()}", None)
        if rule is not None:
            yield from rule(node)
        elif isinstance(node, _PLAIN):
            yield from self._inside(node)
        else:
            yield f"{type(node).__name__}"

    def _inside(self, node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            yield from self.visit(child)

    def _name(self, node: ast.Name) -> Iterator[str]:
        if node.id not in self.variables and node.id not in self.policy.functions:
            yield f"name {node.id}"

    def _attribute(self, node: ast.Attribute) -> Iterator[str]:
        name = _dotted(node)
        if name and name.partition(".")[0] not in self.variables:
            if name not in self.policy.names:
                yield f"name {name}"
            return
        if node.attr not in self.policy.attributes:
            yield f"attribute {node.attr}"
        yield from self.visit(node.value)

    def _subscript(self, node: ast.Subscript) -> Iterator[str]:
        if isinstance(node.value, ast.Name) and node.value.id == REFERENCES:
            if not isinstance(node.slice, ast.Constant):
                yield "a reference by another name"
            return
        yield from self._inside(node)

    def _call(self, node: ast.Call) -> Iterator[str]:
        if isinstance(node.func, ast.Name) and node.func.id in self.variables:
            yield f"a call of {node.func.id}"
        elif not isinstance(node.func, ast.Name | ast.Attribute):
            yield f"a call of a {type(node.func).__name__}"
        if any(keyword.arg is None for keyword in node.keywords):
            yield "**"
        yield from self._inside(node)

    def _lambda(self, node: ast.Lambda) -> Iterator[str]:
        given = node.args
        if given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or given.defaults:
            yield "an argument with a default or a star"
        names = self.variables | {argument.arg for argument in node.args.args}
        yield from _Grammar(self.policy, names).visit(node.body)

    def _constant(self, node: ast.Constant) -> Iterator[str]:
        if isinstance(node.value, str) and ("__" in node.value or ".." in node.value):
            yield f"text {node.value!r}"

    def _binop(self, node: ast.BinOp) -> Iterator[str]:
        if isinstance(node.op, ast.Pow) and not _is_small_power(node):
            yield "a power that may be huge"
        if isinstance(node.op, ast.Mult | ast.Mod) and any(_is_sequence(side) for side in (node.left, node.right)):
            yield "a text or a list that may be huge"
        yield from self._inside(node)


def _dotted(node: ast.AST) -> str:
    """Return `a.b.c` for names alone, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    inner = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and inner else ""


def _is_small_power(node: ast.BinOp) -> bool:
    power = node.right.value if isinstance(node.right, ast.Constant) else None
    nested = any(isinstance(part, ast.Pow) for part in ast.walk(node.left))
    return isinstance(power, int) and power <= _HIGHEST_POWER and not nested


def _is_sequence(node: ast.AST) -> bool:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return is_text or isinstance(node, ast.List | ast.Tuple)
