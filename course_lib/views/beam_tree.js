const WIDE = 58, HIGH = 30, LEFT = 20;
const nodes = data.nodes.map((node, i) => ({ ...node, i, children: [] }));
const root_ = { i: -1, children: [], depth: 0, fate: "", best: true };
const parent = node => node.parent < 0 ? root_ : nodes[node.parent];
nodes.forEach(node => {
  node.depth = parent(node).depth + 1;
  parent(node).children.push(node);
});

// leaves take a line each, from the top; whoever has children stands beside the likeliest
let lines = 0;
const place = node => {
  node.children.sort((a, b) => b.best - a.best || b.score - a.score);
  if (!node.children.length) node.line = lines++;
  node.children.forEach(place);
  if (node.children.length) node.line = node.children[0].line;
};
place(root_);
const across = Math.max(...nodes.map(node => node.depth));
const x = node => LEFT + WIDE * node.depth, y = node => HIGH * (node.line + 0.5) + 4;
const wide = LEFT + WIDE * across + 40, high = HIGH * lines + 8;

const path = node => node.i < 0 ? [] : [...path(parent(node)), node];
const text = node => (data.start + path(node).map(each => each.token).join("")).replaceAll("\n", "⏎");
const shown = token => ({ " ": "␣", "\n": "⏎" })[token] ?? token;
const number = value => value.toFixed(2).replace("-", "−");
const share = value => {
  const chance = 100 * Math.exp(value);
  return chance >= 10 ? `${chance.toFixed(0)} %` : `${Number(chance.toPrecision(2))} %`;
};

const svg = draw("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "tree", "aria-label": data.title });
nodes.forEach(node => {
  const from = parent(node), [x1, y1, x2, y2] = [x(from) + (from.i < 0 ? 0 : 13), y(from), x(node) - 13, y(node)];
  node.edge = draw("path", { class: "edge", d: `M ${x1} ${y1} C ${x1 + 18} ${y1} ${x2 - 18} ${y2} ${x2} ${y2}`,
    "stroke-width": (0.8 + 5 * Math.exp(node.step)).toFixed(2) });
  svg.append(node.edge);
});
svg.append(draw("circle", { class: "start", cx: x(root_), cy: y(root_), r: 5 }));
nodes.forEach(node => {
  const class_ = `node ${node.fate.replace(/ .*/, "")}${node.best ? " best" : ""}`;
  node.box = draw("g", { class: class_, tabindex: node.i ? -1 : 0, role: "treeitem", "data-lm-suppress-shortcuts": "true" });
  node.box.setAttribute("aria-label", `${text(node)}: log-probability ${number(node.score)}, ${node.fate}`);
  node.box.append(
    draw("rect", { x: x(node) - 13, y: y(node) - 12, width: 26, height: 24, rx: 5 }),
    draw("text", { x: x(node), y: y(node) + 5, "text-anchor": "middle" }, shown(node.token)));
  if (node.fate === "dropped") node.box.append(draw("text", { class: "mark", x: x(node) + 17, y: y(node) + 5 }, "✕"));
  if (node.fate === "the answer") node.box.append(draw("text", { class: "mark", x: x(node) + 17, y: y(node) + 6 }, "★"));
  svg.append(node.box);
});

const live = make("div", "live");
live.setAttribute("aria-live", "polite");
const paint = chosen => {
  const lit = new Set(path(chosen).map(node => node.i));
  nodes.forEach(node => {
    [node.box, node.edge].forEach(part => part.classList.toggle("lit", lit.has(node.i)));
    node.box.setAttribute("tabindex", node === chosen ? 0 : -1);
  });
  Object.assign(root.dataset, { text: text(chosen), score: number(chosen.score), fate: chosen.fate });
  live.replaceChildren(make("b", "", `“${text(chosen)}”`),
    make("span", "", `log-probability ${number(chosen.score)} (${share(chosen.score)}), ${chosen.fate}`),
    make("span", "", `its last step “${shown(chosen.token)}”: ${number(chosen.step)} (${share(chosen.step)})`));
};
const beside = (node, way) => {
  const level = nodes.filter(other => other.depth === node.depth).sort((a, b) => a.line - b.line);
  return level[level.indexOf(node) + way];
};
nodes.forEach(node => {
  node.box.addEventListener("mouseenter", () => paint(node));
  node.box.addEventListener("focus", () => paint(node));
  node.box.addEventListener("click", () => node.box.focus());
  node.box.addEventListener("keydown", event => {
    const ways = { ArrowLeft: () => parent(node), ArrowRight: () => node.children[0],
      ArrowUp: () => beside(node, -1), ArrowDown: () => beside(node, 1) };
    if (!ways[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    const to = ways[event.key]();
    if (to?.box) to.box.focus();
  });
});
const help = "Point at a branch, or click here and use the arrow keys. The broader a line, the likelier its step; ✕ was dropped, ★ is the answer.";
const frame = make("div", "frame");
frame.append(svg);
root.querySelector(".fallback").replaceWith(make("div", "title", data.title), make("div", "help", help), frame, live);
paint(nodes.filter(node => node.best).pop());
