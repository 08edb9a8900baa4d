"""The same computation as different people write it, and as somebody writes it who copied it."""

import ast
import random

METHODS = ("softmax", "sum", "mean", "exp", "log", "amax", "transpose", "reshape", "masked_fill")
WORDS = [
    *"abcdefghikmnpqrstuvwxyz",
    *("tmp", "out", "res", "result", "val", "value", "weights", "scores", "attn", "logits", "mat"),
    *("vec", "total", "mask", "hidden", "state", "keys", "queries", "vals", "num", "den", "probs"),
]


class Style:
    """One person's habits: each a probability."""

    def __init__(self, chance: random.Random) -> None:
        habits = "functions", "matmul", "temporaries", "positional", "swaps", "root", "prints"
        self.habits = {habit: chance.choice((0.05, 0.2, 0.5, 0.9)) for habit in habits}
        self.habits["prints"] /= 5
        self.words = chance.sample(WORDS, len(WORDS))


class _Styled(ast.NodeTransformer):
    def __init__(self, style: Style, chance: random.Random) -> None:
        self.style, self.chance = style, chance

    def does(self, habit: str) -> bool:
        return self.chance.random() < self.style.habits[habit]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in METHODS:
            module = isinstance(function.value, ast.Name) and function.value.id in ("torch", "F")
            if not module and self.does("functions"):
                torch = ast.Attribute(ast.Name("torch", ast.Load()), function.attr, ast.Load())
                node = ast.Call(torch, [function.value, *node.args], node.keywords)
        if node.keywords and node.keywords[0].arg == "dim" and self.does("positional"):
            node = ast.Call(node.func, [*node.args, node.keywords[0].value], node.keywords[1:])
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult) and self.does("matmul"):
            torch = ast.Attribute(ast.Name("torch", ast.Load()), "matmul", ast.Load())
            return ast.Call(torch, [node.left, node.right], [])
        if isinstance(node.op, ast.Add | ast.Mult) and self.does("swaps"):
            return ast.BinOp(node.right, node.op, node.left)
        half = isinstance(node.right, ast.Constant) and node.right.value == 0.5
        if isinstance(node.op, ast.Pow) and half and self.does("root"):
            root = ast.Attribute(ast.Name("math", ast.Load()), "sqrt", ast.Load())
            return ast.Call(root, [node.left], [])
        return node


class _Lifted(ast.NodeTransformer):
    """Takes parts of an expression out and remembers them under names."""

    def __init__(self, styler: _Styled) -> None:
        self.styler, self.lines = styler, []

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    visit_ListComp = visit_GeneratorExp = visit_DictComp = visit_SetComp = visit_IfExp = (
        visit_Lambda
    )

    def lift(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        if not self.styler.does("temporaries"):
            return node
        name = f"part_{len(self.lines)}"
        self.lines.append(ast.Assign([ast.Name(name, ast.Store())], node))
        return ast.Name(name, ast.Load())

    visit_Call = visit_BinOp = lift


def styled(source: str, style: Style, chance: random.Random) -> str:
    """The source as this person writes it."""
    tree = ast.parse(source)
    styler = _Styled(style, chance)
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        function.body = [line for old in function.body for line in _lines(old, styler)]
    return _renamed(tree, style.words)


def _lines(node: ast.stmt, styler: _Styled) -> list[ast.stmt]:
    if not isinstance(node, ast.Assign | ast.Return) or node.value is None:
        return [node]
    node.value = styler.visit(node.value)
    lifted = _Lifted(styler)
    lifted.generic_visit(node.value)
    if styler.does("prints"):
        seen = ast.Attribute(ast.Name(styler.chance.choice(WORDS), ast.Load()), "shape", ast.Load())
        lifted.lines.append(ast.Expr(ast.Call(ast.Name("print", ast.Load()), [seen], [])))
    return [*lifted.lines, node]


def disguised(source: str, chance: random.Random) -> str:
    """A copy: other names, independent statements in another order, other layout and a comment."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            _reorder(node.body, chance)
    text = _renamed(tree, chance.sample(WORDS, len(WORDS)))
    return "# my own work\n" + text.replace("\n    ", "\n\n    # next\n    ", 2)


def _reorder(body: list[ast.stmt], chance: random.Random) -> None:
    for i in range(len(body) - 1):
        one, other = body[i], body[i + 1]
        free = isinstance(one, ast.Assign) and isinstance(other, ast.Assign)
        free = free and not (_stored(one) & _names(other) or _stored(other) & _names(one))
        if free and chance.random() < 0.7:
            body[i], body[i + 1] = other, one


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _stored(node: ast.AST) -> set[str]:
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _renamed(tree: ast.Module, words: list[str]) -> str:
    """Every name that a function binds gets another one."""
    bound = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    for function in [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]:
        bound |= _stored(function)
    new = {
        name: f"{words[i % len(words)]}{i // len(words) or ''}"
        for i, name in enumerate(sorted(bound))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = new[node.arg]
    return ast.unparse(ast.fix_missing_locations(tree))
