const hidden = new Set(data.hidden);
const row = (name, label) => {
  const node = make("div", `line ${name}`), words = make("span", "words"), count = make("span", "count");
  node.append(make("span", "name", label), words, count);
  return { node, words, count };
};
const text = row("text", "text"), input = row("input", "input"), target = row("target", "target");
const live = make("div", "live");
live.setAttribute("aria-live", "polite");
text.words.setAttribute("role", "group");
text.words.setAttribute("aria-label", "tokens that can be hidden");

const boxes = (line, parts) => {
  line.words.replaceChildren(...parts.map(([word, number]) => {
    const box = make("span", number === undefined ? "piece" : "piece sentinel", word);
    if (number !== undefined) box.dataset.span = number;
    return box;
  }));
  line.count.textContent = `${parts.length} tokens`;
};
// the span that is pointed at lights up in all three lines
const light = number => root.querySelectorAll("[data-span]").forEach(
  node => node.classList.toggle("lit", number !== undefined && node.dataset.span === String(number)));

const tell = () => {
  const inputs = [], targets = [];
  let spans = 0;
  data.tokens.forEach((word, i) => {
    const button = buttons[i], gone = hidden.has(i);
    button.setAttribute("aria-pressed", gone);
    if (!gone) { delete button.dataset.span; inputs.push([word]); return; }
    if (!hidden.has(i - 1)) {
      inputs.push([`<${spans}>`, spans]);
      targets.push([`<${spans}>`, spans]);
      spans++;
    }
    button.dataset.span = spans - 1;
    targets.push([word]);
  });
  targets.push([`<${spans}>`, spans]);
  boxes(input, inputs);
  boxes(target, targets);
  const share = Math.round(100 * hidden.size / data.tokens.length);
  live.textContent = `${share} % of the tokens are hidden, in ${spans} span${spans === 1 ? "" : "s"}.`;
  Object.assign(root.dataset, { input: inputs.length, target: targets.length });
};
const turn = (i, gone, from = i) => {
  for (let k = Math.min(from, i); k <= Math.max(from, i); k++)
    if (gone) hidden.add(k); else hidden.delete(k);
  tell();
  light(buttons[i].dataset.span);
};

let byTouch = false, painting = null, last = 0;  // while a button of the mouse is down: hide, or show again
const buttons = data.tokens.map((word, i) => {
  const node = make("button", "piece", word);
  node.type = "button";
  node.addEventListener("pointerdown", event => {
    byTouch = event.pointerType === "touch";
    if (byTouch || event.button) return;
    painting = !hidden.has(i);
    last = i;
    turn(i, painting);
  });
  node.addEventListener("pointerenter", event => {
    if (!event.buttons) painting = null;  // it came up where nothing of this page hears it
    if (painting !== null) {
      turn(i, painting, last);  // a quick hand enters only some of the tokens on its way
      last = i;
    }
    light(node.dataset.span);
  });
  node.addEventListener("pointerleave", () => light());
  node.addEventListener("focus", () => light(node.dataset.span));
  node.addEventListener("blur", () => light());
  // a click of the mouse was counted when the button went down; keys and fingers come here
  node.addEventListener("click", event => {
    if (event.detail && !byTouch) return;
    turn(i, !hidden.has(i));
  });
  node.addEventListener("keydown", event => {
    const to = { ArrowRight: buttons[i + 1], ArrowLeft: buttons[i - 1] }[event.key];
    if (!["ArrowRight", "ArrowLeft"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    to?.focus();
  });
  return node;
});
for (const name of ["pointerup", "pointercancel"])
  document.addEventListener(name, () => { painting = null; });
text.words.append(...buttons);
text.count.textContent = `${data.tokens.length} tokens`;

const help = "Choose tokens to hide, by mouse (press and pull over several), or click here and use the arrow keys and "
  + "Enter. Neighbours become one span. Choose again to bring a token back.";
root.querySelector(".fallback").replaceWith(
  make("div", "title", data.title), make("div", "help", help), text.node, input.node, target.node, live);
tell();
