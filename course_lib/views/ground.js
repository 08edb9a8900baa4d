{ // A click beside a view's controls leads to the one that was used last, or to the first: the arrow
  // keys work at once, and no Tab has to pass the buttons that JupyterLab puts over a cell.
  let used = null, beside = false;
  const onGround = node => {
    const control = node.closest("button, input, label, summary, a, [tabindex]");
    return !control || control === root || !root.contains(control);
  };
  root.addEventListener("focusin", event => { used = event.target; });
  // where the button went down counts: who pulls over several words comes up on the ground between
  root.addEventListener("pointerdown", event => { beside = onGround(event.target); });
  root.addEventListener("click", event => {
    if (!beside || !onGround(event.target) || !getSelection().isCollapsed) return;
    const steered = [...root.querySelectorAll('[tabindex="0"]')];
    const all = steered.length ? steered : [...root.querySelectorAll("button, input")];
    (all.includes(used) ? used : all[0])?.focus({ preventScroll: true });
  });
}
