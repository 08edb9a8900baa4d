// ipywidgets sets a control's description beside it and ties only some kinds of control to it: a
// slider, its readout and a row of buttons have no name for a screen reader.
(() => {
  const PARTS = ".noUi-handle, .widget-readout, .widget-toggle-buttons > div";
  const name = part => {
    let box = part;
    while (box && !box.querySelector(".widget-label")) box = box.parentElement;
    const label = box?.querySelector(".widget-label"), text = label?.textContent.trim();
    if (!text || part.ariaLabel === text) return;
    part.ariaLabel = text;
    if (label.title === "null") label.removeAttribute("title");
    if (part.matches("[contenteditable=true]")) part.role = "textbox";
    if (part.matches(".widget-toggle-buttons > div")) part.role = "group";
  };
  let waiting = false;
  const look = () => {
    waiting = false;
    document.querySelectorAll(`.jupyter-widgets :is(${PARTS})`).forEach(name);
  };
  const watch = () => new MutationObserver(() => {
    if (!waiting) setTimeout(look, 200);
    waiting = true;
  }).observe(document.body, { childList: true, subtree: true });
  const plugin = { id: "course-controls:names", autoStart: true, activate: watch };
  const container = { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) };
  (window._JUPYTERLAB ??= {})["course-controls"] = container;
})();
