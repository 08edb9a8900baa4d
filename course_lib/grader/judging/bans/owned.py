"""Which attributes in a source text are its author's own: of a class or namespace written there."""

import ast
from collections.abc import Iterable, Iterator

NAMESPACES = ("SimpleNamespace", "namedtuple", "AttrDict", "Namespace")
DEFINED = ast.FunctionDef | ast.AsyncFunctionDef


class Owned:
    """The classes, objects and namespaces of a source text, with the attributes that each has."""

    def __init__(self, tree: ast.AST) -> None:
        self.nodes = list(ast.walk(tree))
        self.classes = {n.name: n for n in self.nodes if isinstance(n, ast.ClassDef)}
        self.values: dict[str, list[ast.expr]] = {}  # by a target's text, all that it is bound to
        self.known: dict[tuple[str, str], bool] = {}
        self.attributes = {name: _attributes(each) for name, each in self.classes.items()}
        for node in self.nodes:
            self._note(node)
        self.values = self._handed_over() | self.values
        self.firsts = {
            id(inner): (function.args.posonlyargs + function.args.args)[0].arg
            for each in self.classes.values()
            for function in _methods(each)
            for inner in ast.walk(function)
            if function.args.posonlyargs + function.args.args
        }
        self.around = {id(n): c.name for c in self.classes.values() for n in ast.walk(c)}

    def is_own(self, base: ast.expr, attribute: str) -> bool:
        """Is `base.attribute` something that this text gives to a class or namespace of its own?"""
        if isinstance(base, ast.Call):
            return self._makes(base, attribute)
        if isinstance(base, ast.Name) and self.firsts.get(id(base)) == base.id:
            return self._gives(self.around[id(base)], attribute, set())
        if isinstance(base, ast.Name) and base.id in self.classes:
            return self._gives(base.id, attribute, set())
        key = ast.unparse(base), attribute
        if key not in self.known:
            self.known[key] = False  # while it is looked for: `x = x` says nothing
            bound = self.values.get(key[0], [])
            self.known[key] = bool(bound) and all(self.is_own(each, attribute) for each in bound)
        return self.known[key]

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, node.value)
        elif isinstance(node, ast.AnnAssign):
            self._bind(node.target, node.value or ast.Call(node.annotation, [], []))
        elif isinstance(node, ast.NamedExpr):
            self._bind(node.target, node.value)
        elif isinstance(node, ast.withitem):
            self._bind(node.optional_vars, node.context_expr)
        elif isinstance(node, ast.arg) and node.annotation:  # a parameter said to be of a class
            self._bind(ast.Name(node.arg), ast.Call(node.annotation, [], []))
        elif isinstance(node, ast.arguments):
            given = [*node.posonlyargs, *node.args][-len(node.defaults) :] if node.defaults else []
            for each, value in zip(given, node.defaults, strict=True):
                self._bind(ast.Name(each.arg), value)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:  # what a body binds is there on `self` too
                for target in _targets(inner):
                    made = getattr(inner, "value", None) or ast.Call(inner.annotation, [], [])
                    self._bind(ast.Attribute(ast.Name("self"), target), made)

    def _handed_over(self) -> dict[str, list[ast.expr]]:
        """By a parameter's name, all that it is given by calls in the text's functions."""
        functions = [node for node in self.nodes if isinstance(node, DEFINED | ast.Lambda)]
        named: dict[str, list[ast.Call]] = {}
        for call in _called_within_functions(self.nodes[0]):
            named.setdefault(getattr(call.func, "id", ""), []).append(call)
        found: dict[str, list[ast.expr]] = {}
        for function in functions:
            names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
            for call in named.pop(getattr(function, "name", None), ()):
                pairs = [*zip(names, call.args, strict=False)]
                for name, value in pairs + [(k.arg, k.value) for k in call.keywords if k.arg]:
                    found.setdefault(name, []).append(value)
        return found

    def _bind(self, target: ast.expr | None, value: ast.expr) -> None:
        if isinstance(target, ast.Name | ast.Attribute):
            self.values.setdefault(ast.unparse(target), []).append(value)

    def _makes(self, call: ast.Call, attribute: str) -> bool:
        """Does a call give an object that has the attribute from its own class, or as a keyword?"""
        called = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if called == "super" and id(call) in self.around:
            bases = self.classes[self.around[id(call)]].bases
            return any(self.is_own(each, attribute) for each in bases)
        if called in NAMESPACES and attribute in {keyword.arg for keyword in call.keywords}:
            return True
        return called in self.classes and self.is_own(call.func, attribute)

    def _gives(self, name: str, attribute: str, seen: set[str]) -> bool:
        """Does a class of the text, or one that it is made from, define or set an attribute?"""
        if name in seen or name not in self.classes:
            return False
        seen.add(name)
        defined = self.classes[name]
        if attribute in self.attributes[name] or f"{name}.{attribute}" in self.values:
            return True
        bases = (getattr(base, "id", "") for base in defined.bases)
        return any(self._gives(base, attribute, seen) for base in bases)


def _called_within_functions(tree: ast.AST) -> Iterator[ast.Call]:
    """Each call in a function, once, however many functions are around it."""
    waiting = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        inside |= isinstance(node, DEFINED | ast.Lambda)
        if inside and isinstance(node, ast.Call):
            yield node
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def _methods(defined: ast.ClassDef) -> Iterable[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in defined.body if isinstance(node, DEFINED)]


def _attributes(defined: ast.ClassDef) -> set[str]:
    """What a class's body binds, and what its methods set on their first argument."""
    found = {node.name for node in defined.body if isinstance(node, DEFINED | ast.ClassDef)}
    parts = [node for node in ast.walk(defined) if isinstance(node, ast.Attribute)]
    found |= {node.attr for node in parts if isinstance(node.ctx, ast.Store)}
    return found.union(*map(_targets, defined.body))


def _targets(node: ast.stmt) -> list[str]:
    """The names that an assignment binds."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]
