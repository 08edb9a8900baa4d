// What tells an outcome is out of focus (lab.css) until there is a guess or the outcome is opened: what
// stands right behind its cell, and what is tagged "tells" below it. It is clear where it is selected
// or pointed at. The cell that running leads to was not chosen, and what a page that scrolls brings
// under a pointer at rest is not pointed at: both wait until somebody moves or clicks.
(() => {
  const ANSWERS = /^(?:display\()?outcome\(/m, ASKS = /^(?:display\()?predict\(/m;
  const source = cell => cell.model.sharedModel.source;
  const isCode = cell => cell?.model.type === "code";
  const tells = cell => isCode(cell) && ANSWERS.test(source(cell));
  const opens = cell => source(cell).startsWith("## ");  // a section: its heading tells nothing
  const tagged = cell => (cell.model.getMetadata("tags") ?? []).includes("tells");
  // the cell is not run yet, or folds its outcome away from who has not guessed
  const waits = ({ node }) => {
    const view = node.querySelector(".course-outcome");
    return !view || (view.hasAttribute("data-waits") && !view.querySelector("details[open]"));
  };
  const mark = ({ content: { widgets } }) => {
    let veiled = false, behind = false;
    for (const cell of widgets) {
      const own = tells(cell), asks = isCode(cell) && ASKS.test(source(cell));
      cell.node.toggleAttribute("data-veiled", veiled && !own && !asks && ((behind && !opens(cell)) || tagged(cell)));
      if (own) veiled = waits(cell);
      behind = own || (behind && isCode(cell) && !asks && tells(widgets[widgets.indexOf(cell) - 1]));
    }
  };
  const RUNS_ON = ["notebook:run-cell-and-select-next", "notebook:run-cell-and-insert-below"];
  const clear = what => { for (const node of document.querySelectorAll(`[${what}]`)) node.removeAttribute(what); };
  const chosen = () => clear("data-reached");
  let at = "";
  const point = ({ clientX, clientY, target }) => {
    const now = `${clientX} ${clientY}`, cell = target.closest?.(".jp-Cell");
    if (now === at) return;  // the page has moved, not the pointer
    at = now;
    if (cell?.hasAttribute("data-pointed")) return;
    clear("data-pointed");
    cell?.setAttribute("data-pointed", "");
  };
  const watch = app => {
    let waiting = false;
    const look = () => {
      waiting = false;
      for (const widget of app.shell.widgets("main"))
        if (widget.content?.model?.cells) {
          widget.context.ready.then(() => mark(widget));
          widget.content.activeCellChanged.connect(chosen);  // once, however often it is asked for
        }
    };
    const soon = () => {
      if (!waiting) setTimeout(look, 100);
      waiting = true;
    };
    app.commands.commandExecuted.connect((_, { id }) => {
      if (RUNS_ON.includes(id)) app.shell.currentWidget?.content?.activeCell?.node.setAttribute("data-reached", "");
    });
    document.addEventListener("pointerdown", chosen, true);
    document.addEventListener("pointermove", point, true);
    app.restored.then(() => {
      app.shell.layoutModified.connect(look);
      look();
      new MutationObserver(soon).observe(document.body,
        { childList: true, subtree: true, attributeFilter: ["data-waits", "open"] });
    });
  };
  const plugin = { id: "course-veil:cells", autoStart: true, activate: watch };
  const container = { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) };
  (window._JUPYTERLAB ??= {})["course-veil"] = container;
})();
