const WIDTH = 200, HEIGHT = 30, STEP = 46, FLOOR = 446, LEFT = [66, 382];
const top = i => FLOOR - i * STEP;  // of box i, counted from the bottom
const middle = i => top(i) + HEIGHT / 2;
const svg = draw("svg", { viewBox: "0 38 660 472", role: "group", "aria-label": data.title });
const line = points => draw("polyline", { class: "line", points: points.join(" ") });
const arrow = points => {
  const [x, y] = points.at(-1), [from] = points.at(-2);
  const tip = from === x ? [[x - 4, y + 7], [x + 4, y + 7]]
    : from < x ? [[x - 7, y - 4], [x - 7, y + 4]] : [[x + 7, y - 4], [x + 7, y + 4]];
  svg.append(line(points), draw("polygon", { class: "tip", points: [[x, y], ...tip].join(" ") }));
};
const words = (x, y, text, name = "small") => svg.append(draw("text", { x, y, class: name }, text));

const live = make("div", "live");
live.setAttribute("aria-live", "polite");
const nodes = [], told = new Map();
let pinned = null;

const show = node => {
  nodes.flat().forEach(other => {
    other.classList.toggle("lit", other === node);
    other.setAttribute("aria-pressed", String(other === pinned));
    other.tabIndex = other === (node ?? nodes[0][0]) ? 0 : -1;
  });
  const part = told.get(node);
  root.dataset.active = part ? part.name : "";
  if (!part) { live.replaceChildren("The bar in each box is its share of the parameters."); return; }
  const name = document.createElement("b");
  name.textContent = part.name + (node === pinned ? " (pinned)" : "");
  live.replaceChildren(name, make("div", "", part.does), make("div", "", "out: " + part.shape),
    make("div", "", part.told));
};

data.columns.forEach((parts, side) => {
  const x = LEFT[side], centre = x + WIDTH / 2;
  const inside = parts.map((part, i) => part.once ? -1 : i).filter(i => i >= 0);
  const low = inside[0], high = inside.at(-1), ground = middle(low) + STEP / 2 + 4;
  svg.append(draw("rect", { class: "block", x: x - 30, y: top(high) - 12, width: WIDTH + 60,
    height: ground - top(high) + 12, rx: 8 }));
  words(side ? x + WIDTH + 50 : x - 48, (ground + top(high)) / 2, data.layers + " ×", "strong");
  arrow([[centre, FLOOR + HEIGHT + 16], [centre, FLOOR + HEIGHT]]);
  words(centre, FLOOR + HEIGHT + 26, side ? "target tokens so far" : "source tokens");
  const edge = side ? x + WIDTH : x, out = side ? 16 : -16;
  parts.forEach((part, i) => {
    if (i) arrow([[centre, top(i - 1)], [centre, top(i) + HEIGHT]]);
    if (part.label !== "add & norm") return;
    const from = middle(i - 1) + STEP / 2;  // the way around a sublayer
    arrow([[centre, from], [edge + out, from], [edge + out, middle(i)], [edge, middle(i)]]);
  });
  if (side) {
    const last = parts.length - 1;
    arrow([[centre, top(last)], [centre, top(last) - 16]]);
    words(centre, top(last) - 25, "next token");
  }
});
const crossed = data.columns[1].findIndex(part => part.name === "cross-attention");
const end = data.columns[0].length - 1, turn = LEFT[0] + WIDTH + 46, under = middle(crossed);
arrow([[LEFT[0] + WIDTH / 2, top(end)], [LEFT[0] + WIDTH / 2, top(end) - 24],
  [turn, top(end) - 24], [turn, under], [LEFT[1], under]]);
words(LEFT[0] + WIDTH / 2, top(end) - 62, "encoder: reads", "strong");
words(LEFT[1] - 96, top(8) + 14, "decoder: writes", "strong");

data.columns.forEach((parts, side) => {
  nodes.push(parts.map((part, i) => {
    const node = draw("g", { class: "part", role: "button", "data-part": part.name,
      "data-lm-suppress-shortcuts": "true",
      "aria-label": `${part.name}. ${part.does} Out: ${part.shape}. ${part.told}` });
    told.set(node, part);
    const box = { x: LEFT[side], y: top(i), height: HEIGHT, rx: 5 };
    node.append(draw("rect", { class: "box", ...box, width: WIDTH }),
      draw("rect", { class: "bar", ...box, width: WIDTH * part.share }),
      draw("text", { x: LEFT[side] + WIDTH / 2, y: middle(i) }, part.label));
    node.addEventListener("mouseenter", () => show(node));
    node.addEventListener("focus", () => show(node));
    node.addEventListener("click", () => { pinned = pinned === node ? null : node; show(node); });
    node.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        pinned = pinned === node ? null : node;
        show(node);
      }
      if (event.key === "Escape") { pinned = null; show(node); }
      const beside = nodes[1 - side];
      const to = { ArrowUp: parts.length > i + 1 ? nodes[side][i + 1] : node,
        ArrowDown: nodes[side][Math.max(i - 1, 0)],
        ArrowLeft: side ? beside[Math.min(i, beside.length - 1)] : node,
        ArrowRight: side ? node : beside[i],
        Home: nodes[side][0], End: nodes[side].at(-1) }[event.key];
      if (!to) return;
      event.preventDefault();
      event.stopPropagation();
      to.focus();
    });
    svg.append(node);
    return node;
  }));
});
svg.addEventListener("mouseleave", () => {
  const focused = nodes.flat().find(node => node === document.activeElement);
  show(pinned ?? focused ?? null);
});
const help = "Point at a box, or click here and use the arrow keys: below stands what it does, what "
  + "comes out of it and how many numbers it learns. A click pins it.";
const drawing = make("div", "drawing");
drawing.append(svg);
root.querySelector(".fallback").replaceWith(
  make("div", "title", `${data.title}: ${data.total} parameters`), make("div", "help", help), drawing, live);
show(null);
