// Shift+Enter, Ctrl+Enter and Escape are the notebook's, also from inside a view.
root.addEventListener("keydown", event => {
  const runs = event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
  const cell = root.closest(".jp-Cell");
  if (!cell || !(runs || event.key === "Escape")) return;
  cell.focus();
  if (!runs) return;  // a view may have a use for Escape: the key goes on to it
  event.preventDefault();
  event.stopImmediatePropagation();
  const { key, code, keyCode, shiftKey, ctrlKey, metaKey, altKey } = event;
  cell.dispatchEvent(new KeyboardEvent("keydown",
    { key, code, keyCode, shiftKey, ctrlKey, metaKey, altKey, bubbles: true, cancelable: true }));
}, true);
