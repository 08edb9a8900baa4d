const side = data.side, size = data.image.length / side, total = data.front + side * side;
const percent = weight => weight < 0.095 ? (100 * weight).toFixed(1) + "%" : Math.round(100 * weight) + "%";
const called = token => token < data.front ? "[CLS]"
  : `row ${Math.floor((token - data.front) / side)}, column ${(token - data.front) % side}`;
let map = 0, pinned = data.start, shown = -1;

// the ink of one patch, white on black as the model gets it
const ink = patch => {
  const canvas = make("canvas"), row = size * Math.floor(patch / side), column = size * (patch % side);
  canvas.width = canvas.height = size;
  const paint = canvas.getContext("2d");
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) {
    const grey = data.image[row + y][column + x];
    paint.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
    paint.fillRect(x, y, 1, 1);
  }
  return canvas;
};
const tokens = Array.from({ length: total }, (_, token) => {
  const node = make("button", token < data.front ? "token cls" : "token patch", token < data.front ? "[CLS]" : undefined);
  node.type = "button";
  node.setAttribute("aria-label", called(token));
  if (token >= data.front) node.append(ink(token - data.front));
  node.append(make("span", "veil"));
  return node;
});
const maps = data.names.map((name, i) => {
  const node = make("button", "map", name);
  node.type = "button";
  node.addEventListener("click", () => { map = i; light(shown); });
  return node;
});
const live = make("div", "live");
live.setAttribute("aria-live", "polite");

const light = token => {
  shown = token;
  Object.assign(root.dataset, { active: token, map });
  maps.forEach((node, i) => node.setAttribute("aria-pressed", String(i === map)));
  const row = data.weights[map][token], most = Math.max(...row.slice(data.front), 1e-9);
  tokens.forEach((node, i) => {
    node.classList.toggle("lit", i === token);
    node.setAttribute("aria-pressed", String(i === pinned));
    node.tabIndex = i === token ? 0 : -1;
    node.querySelector(".veil").style.opacity = Math.min(1, row[i] / most).toFixed(3);
  });
  const order = row.map((weight, i) => [weight, i]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  const told = order.slice(0, 3).map(([weight, i]) => `${called(i)} ${percent(weight)}`).join("; ");
  live.textContent = `${called(token)} looks at: ${told}` + (token === pinned ? " (pinned)" : "");
};

const step = (token, key) => {
  const patch = token - data.front;
  if (key === "Home") return 0;
  if (key === "End") return total - 1;
  if (key === "ArrowRight") return token + 1;
  if (key === "ArrowLeft") return token - 1;
  if (key === "ArrowDown") return patch < 0 ? data.front : token + side;
  return patch < side ? (data.front ? 0 : token) : token - side;
};
tokens.forEach((node, token) => {
  node.addEventListener("mouseenter", () => light(token));
  node.addEventListener("focus", () => light(token));
  node.addEventListener("click", () => { pinned = token; light(token); });
  node.addEventListener("keydown", event => {
    if (!["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const to = step(token, event.key);
    if (to >= 0 && to < total) tokens[to].focus();
  });
});

const row = (name, label, nodes) => {
  const line = make("div", name);
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", label);
  line.append(...nodes);
  return line;
};
const grid = row("grid", "patches", tokens.slice(data.front));
grid.style.gridTemplateColumns = `repeat(${side}, 1fr)`;
const board = make("div", "board");
board.append(...tokens.slice(0, data.front), grid);
// leaving with the mouse goes back to the pinned token, or stays with the focused one
board.addEventListener("mouseleave", () => {
  const focused = tokens.indexOf(document.activeElement);
  light(focused >= 0 ? focused : pinned);
});
const help = "Point at a patch, or click here and use the arrow keys: the bluer, the more it looks there (the bluest patch is its most). A click pins it.";
root.querySelector(".fallback").replaceWith(
  make("div", "title", data.title), make("div", "help", help), row("maps", "what is shown", maps), board, live);
light(pinned);
