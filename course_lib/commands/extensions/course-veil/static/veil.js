// The cell of an outcome is marked, so that lab.css keeps what tells the answer out of focus before
// the cell is run. From then on outcome.css does. Both let the selected cell be read; the cell that
// running leads to was not chosen, so lab.css keeps it out of focus until somebody moves or clicks.
(() => {
  const mark = ({ content }) => {
    for (const { model, node } of content.widgets) {
      const tells = model.type === "code" && /^(?:display\()?outcome\(/m.test(model.sharedModel.source);
      node.toggleAttribute("data-tells", tells);
    }
  };
  const RUNS_ON = ["notebook:run-cell-and-select-next", "notebook:run-cell-and-insert-below"];
  const chosen = () => {
    for (const node of document.querySelectorAll("[data-reached]")) node.removeAttribute("data-reached");
  };
  const watch = app => {
    const look = () => {
      for (const widget of app.shell.widgets("main"))
        if (widget.content?.model?.cells) {
          widget.context.ready.then(() => mark(widget));
          widget.content.activeCellChanged.connect(chosen);  // once, however often it is asked for
        }
    };
    app.commands.commandExecuted.connect((_, { id }) => {
      if (RUNS_ON.includes(id)) app.shell.currentWidget?.content?.activeCell?.node.setAttribute("data-reached", "");
    });
    document.addEventListener("pointerdown", chosen, true);
    app.restored.then(() => { app.shell.layoutModified.connect(look); look(); });
  };
  const plugin = { id: "course-veil:cells", autoStart: true, activate: watch };
  const container = { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) };
  (window._JUPYTERLAB ??= {})["course-veil"] = container;
})();
