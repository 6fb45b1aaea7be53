"""Find the places of code that can be mutated, and mutate them one at a time.

The mutations are those of Cosmic Ray, and one more: a dropped statement, such as a call that ends a session. Code that
no test of behaviour can or should check is not mutated: annotations, imports, decorators, log lines, numbers
outside of functions, which are settings, and large numbers.
"""

import random
import re
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.operator import Operator

DROP: Final = "drop the statement"
_CHANGES_OF_CORE: Final = re.compile(
    r"core/(ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_Div|BitOr_BitAnd|BitAnd_BitOr)"
    r"|ReplaceComparisonOperator_((Lt|LtE|Gt|GtE)_(Lt|LtE|Gt|GtE)|Eq_NotEq|NotEq_Eq|Is_IsNot|IsNot_Is)"
    r"|ReplaceUnaryOperator_\w+|AddNot|Replace(TrueWithFalse|FalseWithTrue|AndWithOr|OrWithAnd)"
    r"|ReplaceBreakWithContinue|ReplaceContinueWithBreak|ExceptionReplacer|NumberReplacer|ZeroIterationForLoop)"
)
"""Mutations left out because they always break (`|` between numbers) or change nothing (`is None` as `== None`)."""
_LEFT_ALONE: Final = {"annassign", "decorator", "import_from", "import_name", "tfpdef"}
_LARGE: Final = 100
"""Numbers above this are not mutated: one more or less makes no difference."""
_LOGGING: Final = ("log.", "logger.", "structlog.")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mutation of one file.

    Attributes:
        operator: name of the mutation operator.
        occurrence: index among the places of the file at which the operator applies.
        line: line of the file, from 1.
    """

    path: Path
    operator: str
    occurrence: int
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.operator.removeprefix('core/')}"

    def apply(self, source: str) -> str:
        """Return the mutated text of the file; raise SyntaxError where it is no Python."""
        changed: str | None = MutationVisitor.mutate_code(source, _operator(self.operator), self.occurrence)
        if changed is None:
            raise ValueError(f"{self.path}:{self.line}: {self.operator} can't be made here")
        compile(changed, str(self.path), "exec")
        return changed


def mutations(path: Path, source: str, chance: random.Random) -> list[Mutation]:
    """Return one mutation for each place of a file, drawn from those that are possible there."""
    places: dict[tuple[int, int], list[Mutation]] = {}
    for place, mutation in _all(path, source):
        places.setdefault(place, []).append(mutation)
    return [chance.choice(found) for found in places.values()]


class DropStatement(Operator):  # type: ignore[misc]  # Cosmic Ray has no types
    """Drops a call, or an assignment to an object that outlives the function, except in constructors."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Yield the place of a node that is a droppable statement."""
        if node.type == "simple_stmt" and _matters(node.children[0]) and not _in_constructor(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put `pass` in its place."""
        nothing = get_ast("pass").children[0]
        nothing.prefix = node.get_first_leaf().prefix
        node.children[0] = nothing
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return no examples: the tests hold them."""
        return ()


def _matters(statement: Any) -> bool:
    code = statement.get_code(include_prefix=False)
    if code.startswith(_LOGGING):
        return False
    if statement.type == "expr_stmt":
        target = statement.children[0]
        return target.type in ("power", "atom_expr")
    call = statement.children[-1] if statement.type in ("power", "atom_expr") else None
    return call is not None and call.type == "trailer" and call.children[0] == "("


def _in_constructor(node: Any) -> bool:
    function = node.parent.parent
    return bool(function and function.type == "funcdef" and function.name.value == "__init__")


def _all(path: Path, source: str) -> Iterator[tuple[tuple[int, int], Mutation]]:
    nodes = list(ast_nodes(get_ast(source)))
    names = [name for name in cosmic_ray.plugins.operator_names() if _CHANGES_OF_CORE.fullmatch(name)]
    for name in (*names, DROP):
        operator = _operator(name)
        found = ((node, start) for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, (node, start) in enumerate(found):
            if _counts(node):
                yield start, Mutation(path, name, occurrence, start[0])


def _operator(name: str) -> Any:
    return DropStatement() if name == DROP else cosmic_ray.plugins.get_operator(name)()


def _counts(node: Any) -> bool:
    """Return whether a mutation of a node changes behaviour."""
    if node.type == "number" and abs(literal_eval(node.value)) > _LARGE:
        return False
    inside, child = False, node
    while (parent := child.parent) is not None:
        if parent.type in _LEFT_ALONE and not (parent.type == "annassign" and child is parent.children[-1]):
            return False
        if parent.type == "funcdef":
            if "->" in parent.children and child is parent.children[parent.children.index("->") + 1]:
                return False
            inside = inside or child is parent.children[-1]
        if parent.type == "simple_stmt" and parent.get_code(include_prefix=False).startswith(_LOGGING):
            return False
        child = parent
    return inside
