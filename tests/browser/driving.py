"""Hands for the browser tests: open, run, save, look."""

import json
import os
from pathlib import Path
from typing import Any

import nbformat

READY = """() => {
  const session = window.jupyterapp?.shell?.currentWidget?.context?.sessionContext;
  return !!session && session.isReady && session.session?.kernel?.status === 'idle'; }"""
# From the model: a folded cell has no prompt on the page.
CODE = "[...jupyterapp.shell.currentWidget.content.model.cells].filter(c => c.type === 'code')"


def notebook_of(cells: list[str]) -> nbformat.NotebookNode:
    """A notebook that is not run; a cell that begins with # is prose."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    made = [new_markdown_cell(c) if c.startswith("# ") else new_code_cell(c) for c in cells]
    return new_notebook(cells=made, metadata={"kernelspec": kernel})


def open_notebook(page, lab, path: str) -> None:
    """Open JupyterLab on a notebook and wait for its kernel."""
    page.goto(lab.url(path))
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell", timeout=60_000)
    # the toolbar says idle before there is a session; running then would ask for a kernel
    page.wait_for_function(READY, timeout=60_000)


def command(page, name: str, arguments: dict[str, Any] | None = None) -> None:
    """Start a command of JupyterLab; its promise may stay pending, so nobody waits for it."""
    given = json.dumps(arguments or {})
    page.evaluate(f"void window.jupyterapp.commands.execute('{name}', {given})")


def run_all(page, timeout: float = 200_000) -> None:
    """Run every cell, from outputs and numbers cleared, until all have a number again.

    The pointer leaves the cells first: which one slides under it hangs on the scrolling.
    """
    page.mouse.move(0, 0)
    command(page, "notebook:clear-all-cell-outputs")
    page.wait_for_function(f"() => {CODE}.every(c => c.executionCount === null)")
    command(page, "notebook:run-all-cells")
    ran = f"() => {{ const all = {CODE}; return all.length && all.every(c => c.executionCount); }}"
    page.wait_for_function(ran, timeout=timeout)
    page.wait_for_function(READY)


def save(page) -> None:
    command(page, "docmanager:save")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")


def use_theme(page, name: str) -> None:
    """`JupyterLab Dark` or `JupyterLab Light`."""
    command(page, "apputils:change-theme", {"theme": name})
    page.wait_for_function(f"() => document.body.dataset.jpThemeName === '{name}'")


def shoot(page, name: str) -> None:
    """A screenshot, where COURSE_SHOTS names a folder for them."""
    if folder := os.environ.get("COURSE_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def pale(texts, at_least: float = 4.5) -> list[str]:
    """Of the texts that are seen, those with less contrast (WCAG 2) on the ground behind them.

    All at one moment: a view may put new elements in the place of these at any other.
    """
    return texts.evaluate_all(
        """(nodes, least) => {
          const parse = text => text.match(/[\\d.]+/g).map(Number);
          const over = (top, under) => {
            const a = top[3] ?? 1; return under.map((u, i) => a * top[i] + (1 - a) * u); };
          const light = rgb => rgb.map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const contrast = node => {
            const layers = [];
            for (let n = node; n; n = n.parentElement)
              layers.push(parse(getComputedStyle(n).backgroundColor));
            const ground = layers.reverse().reduce((u, t) => over(t, u), [255, 255, 255]);
            const ink = over(parse(getComputedStyle(node).color), ground);
            const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05); };
          const written = "input:is(:not([type]), [type=text], [type=number])";
          const seen = nodes.filter(node => node.checkVisibility({ visibilityProperty: true })
            && !node.disabled && (node.matches(written) || node.textContent.trim()));
          if (!seen.length) throw new Error("no text is seen here");
          return seen.map(node => [contrast(node), node.textContent.trim()])
            .filter(([value]) => !(value >= least))
            .map(([value, text]) => `${value.toFixed(2)}: ${text}`); }""",
        at_least,
    )
