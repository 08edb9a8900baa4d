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
  const watch = () => {
    document.addEventListener("keydown", lead, true);
    new MutationObserver(() => {
      if (!waiting) setTimeout(look, 200);
      waiting = true;
    }).observe(document.body, { childList: true, subtree: true });
  };
  // Shift+Enter, Ctrl+Enter and Escape are the notebook's, also from a control, as from a view (keys.js).
  const lead = event => {
    const runs = event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
    const cell = event.target.closest?.(".jp-OutputArea .jupyter-widgets")?.closest(".jp-Cell");
    if (!cell || !(runs || event.key === "Escape")) return;
    cell.focus();
    if (!runs) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { key, code, keyCode, shiftKey, ctrlKey, metaKey, altKey } = event;
    cell.dispatchEvent(new KeyboardEvent("keydown",
      { key, code, keyCode, shiftKey, ctrlKey, metaKey, altKey, bubbles: true, cancelable: true }));
  };
  const plugin = { id: "course-controls:names-and-keys", autoStart: true, activate: watch };
  const container = { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) };
  (window._JUPYTERLAB ??= {})["course-controls"] = container;
})();
