"""What an answer uses that isn't there when it is graded, each in a sentence.

It goes by the source that is graded: the answer, and what its names reach.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from course_lib.notebooks import tree_of

from ..judging.scopes import bound, names_of
from ..running.library import KEPT, PACKAGE, SILENT
from ..running.nowhere import WRITING
from .lent import lent_names
from .outside import in_full, of_environment, of_ipython, own_attributes, without_files
from .packages import is_of_the_course, own_module
from .setup import setup_cells

READS = "reads a file, and there are none; put its values into the notebook"
STARTS = "starts another process, and none may be started"
OUTSIDE = "nothing outside of Python can be reached"
SHELL = "asks for IPython's shell; `get_ipython()` gives it"
GPU = "wants a GPU, and there is none"
SHOWN = re.compile(r"_+\d*|_i+\d*|Out|In")  # what IPython keeps of a session
# By how a name begins when it is written in full.
USES = {
    **dict.fromkeys(("subprocess", "socket", "requests", "urllib", "http", "ftplib"), OUTSIDE),
    **dict.fromkeys(
        ("google.colab", "huggingface_hub", "psutil", "sqlite3", "webbrowser"), OUTSIDE
    ),
    **dict.fromkeys(("multiprocessing", "torch.multiprocessing", "joblib"), STARTS),
    **dict.fromkeys(("concurrent.futures.ProcessPoolExecutor", "os.system"), STARTS),
    **dict.fromkeys(("os.popen", "os.fork", "os.spawn", "os.exec", "os.kill"), STARTS),
    **dict.fromkeys(("torch.load", "torch.hub", "torchvision.datasets", "numpy.load"), READS),
    **dict.fromkeys(("numpy.genfromtxt", "numpy.fromfile", "numpy.savetxt", "numpy.memmap"), READS),
    **dict.fromkeys(("pandas.read_", "PIL.Image.open", "matplotlib.pyplot.imread"), READS),
    **dict.fromkeys(("os.listdir", "os.scandir", "os.walk", "os.remove", "os.rename"), READS),
    **dict.fromkeys(
        ("os.unlink", "os.stat", "glob.", "shutil.", "numpy.loadtxt", "fileinput."), READS
    ),
    **dict.fromkeys(("os.path.exists", "os.path.isfile", "os.path.isdir", "zoneinfo."), READS),
    **dict.fromkeys(
        ("safetensors.torch.load_file", "safetensors.safe_open", "linecache.", "tempfile."), READS
    ),
    **dict.fromkeys(("io.open", "codecs.open", "os.open", "tokenize.open", "shelve.open"), READS),
    **dict.fromkeys(("os.path.getsize", "os.access", "runpy.run_path", "configparser."), READS),
    "importlib.util.spec_from_file_location": READS,
    **{
        f"{where}InteractiveShell.{name}": SHELL
        for where in ("IPython.", "IPython.core.interactiveshell.")
        for name in ("instance", "initialized")
    },
}
# They begin like these, and work.
WORKS = (
    *("socket.gethostname", "multiprocessing.cpu_count", "tempfile.gettempdir", "urllib.parse."),
    *("http.HTTPStatus", "subprocess.PIPE", "subprocess.DEVNULL", "shutil.get_terminal_size"),
)
METHODS = {
    **dict.fromkeys(("read_text", "read_bytes", "iterdir", "rglob", "unlink", "is_file"), READS),
    **dict.fromkeys(("exists", "stat", "glob"), READS),
    **dict.fromkeys(("from_pretrained", "share_memory_", "share_memory"), OUTSIDE),
    **dict.fromkeys(("cuda", "mps", "xpu"), GPU),
}
TABLES = tuple(f"torch.nn.{x}.from_pretrained" for x in ("Embedding", "EmbeddingBag"))  # of x
BUILT_IN = {"__import__": "__import__"}
BY_NAME = ("__import__", "importlib.import_module")  # what imports a module that is a text
DEVICE = re.compile(r"(?:cuda|mps|xpu)(?::\d+)?")


def notes_on(root: Path, chapter: str, source: str, answer: str = "") -> tuple[str, ...]:
    """What of a source text won't be there when it is graded. No notes where it can't be read.

    `answer` is the name that is handed in: it may be what is imported.
    """
    tree = tree_of(source)
    if tree is None:
        return ()
    given = [each for cell in setup_cells(root, chapter) for each in ast.walk(ast.parse(cell))]
    named = _imported([*given, *ast.walk(tree)])
    modules = _modules(root, chapter, tree, named, answer)
    told = (*modules, *_names(tree, source), *_uses(tree, named))
    return tuple(dict.fromkeys(f"when this is graded, {each}" for each in told))


def _imported(nodes: list[ast.AST]) -> dict[str, str]:
    """What imported names are when they are written in full."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {bound(a): a.name if a.asname else bound(a) for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {bound(a): f"{node.module}.{a.name}" for a in node.names}
    return found


def _modules(
    root: Path, chapter: str, tree: ast.Module, named: dict[str, str], answer: str
) -> Iterator[str]:
    """The modules and their parts that are imported when this runs, and not there."""
    read = {answer, *(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))}
    outside = {id(node) for node in tree.body}  # of these grading leaves out what is not read
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and in_full(node.func, BUILT_IN | named) in BY_NAME:
            text = getattr(node.args[0], "value", None) if node.args else None
            yield from _missing(root, chapter, text, "") if isinstance(text, str) else ()
        if isinstance(node, ast.Import):
            for alias in node.names:
                if bound(alias) in read or id(node) not in outside:
                    yield from _missing(root, chapter, alias.name, "")
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if alias.name == "*" or bound(alias) in read or id(node) not in outside:
                    yield from _missing(root, chapter, node.module, alias.name)


def _missing(root: Path, chapter: str, module: str, name: str) -> Iterator[str]:
    top, _, rest = module.partition(".")
    if top == PACKAGE:
        lent = lent_names(root, chapter)
        inner = f"{module}.{name}" if name else module
        known = (module, name) in lent or inner in KEPT or module in KEPT
        known |= any(inner == each for each, _ in lent)
        if not known and (rest or name).split(".")[0] not in SILENT:
            where = f"`{name}` of {module}" if name else f"`{module}`"
            yield f"{where} is not there: the library holds answers"
    elif top == "__main__":
        return
    elif own := own_module(top):
        yield f"`{name or module}` is not there: {own} is not handed in with the notebook"
    elif not is_of_the_course(root, top):
        yield f"`{top}` may not be there: it is no package of the course"


def _names(tree: ast.Module, source: str) -> Iterator[str]:
    """Names that nothing in the source binds, and that only a session has or can use."""
    binds, reads = names_of(source)
    written = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call) and _writes(n)]
    opened = [n for n in ast.walk(tree) if getattr(n, "id", "") == "open" and n not in written]
    for name in sorted(reads - binds):
        if name == "open" and opened:
            yield f"`open` does not work: it {READS}"
        elif name == "input":
            yield "`input` does not work: it asks, and nobody answers"
        elif SHOWN.fullmatch(name):
            yield f"`{name}`, what a cell showed, is not there: give it a name of its own"


def _writes(call: ast.Call, place: int = 1) -> bool:
    """Is this a call of `open` to write, which leads nowhere and works? The mode has its place."""
    modes = [*call.args[place : place + 1], *(k.value for k in call.keywords if k.arg == "mode")]
    text = getattr(modes[0], "value", "") if modes else ""
    return isinstance(text, str) and bool(WRITING & set(text))


def _uses(tree: ast.Module, named: dict[str, str]) -> Iterator[str]:
    inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    inner |= without_files(tree, named)
    asks = any(getattr(node, "attr", "") == "is_available" for node in ast.walk(tree))
    own = own_attributes(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner:
            full = in_full(node, named)
            for start, told in USES.items() if not full.startswith(WORKS) else ():
                if full == start or full.startswith(start if start[-1] in "._" else f"{start}."):
                    yield _sentence(node, told)
        if isinstance(node, ast.Call):
            yield from _of_call(node, named, asks, own)
    yield from of_ipython(tree)
    yield from of_environment(tree, named)


def _of_call(call: ast.Call, named: dict[str, str], asks: bool, own: set[str]) -> Iterator[str]:
    """What a call wants; nothing of a GPU where the code asks whether there is one."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    base = getattr(getattr(call.func, "value", None), "func", None)
    path = base is not None and in_full(base, named) == "pathlib.Path"
    works = method in own or in_full(call.func, named) in TABLES
    if method in METHODS and not works and not (asks and METHODS[method] == GPU):
        yield _sentence(call.func, METHODS[method])
    elif method == "open" and path and not _writes(call, 0):
        yield _sentence(call.func, READS)
    for keyword in call.keywords:
        if keyword.arg == "num_workers" and getattr(keyword.value, "value", 1):
            yield f"`num_workers` does not work: it {STARTS}"
    for value in (*call.args, *(keyword.value for keyword in call.keywords)):
        text = getattr(value, "value", "")
        if isinstance(text, str) and DEVICE.fullmatch(text) and not asks:
            yield f"`{text}` does not work: it {GPU}"


def _sentence(node: ast.expr, told: str) -> str:
    name = ast.unparse(node) if len(ast.unparse(node)) < 40 else f"….{node.attr}"
    return f"`{name}` does not work: {told if told == OUTSIDE else f'it {told}'}"
