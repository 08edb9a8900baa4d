const set = (node, attributes) => {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
};
const STEP = 0.25, EDGE = data.reach + 0.6;
const arrows = data.arrows.map(arrow => [...arrow]);
const size = ([x, y]) => Math.hypot(x, y);
const number = value => String(Math.round(100 * value) / 100 + 0).replace("-", "−");
const fixed = value => (Math.round(100 * value) / 100 + 0).toFixed(2).replace("-", "−");
const factor = value => value < 0 ? `(${number(value)})` : number(value);

// y grows upwards on paper and downwards on a screen
const svg = draw("svg", { viewBox: [-EDGE, -EDGE, 2 * EDGE, 2 * EDGE].join(" "), role: "group",
  "aria-label": `The plane: ${data.axes[0]} to the right, ${data.axes[1]} upwards` });
const line = (x1, y1, x2, y2, name) => svg.append(draw("line", { x1, y1: -y1, x2, y2: -y2, class: name }));
for (let i = -data.reach; i <= data.reach; i++) {
  line(i, -data.reach, i, data.reach, i ? "grid" : "axis");
  line(-data.reach, i, data.reach, i, i ? "grid" : "axis");
}
svg.append(draw("text", { x: data.reach, y: 0.5, "text-anchor": "end" }, data.axes[0] + " →"),
  draw("text", { x: 0.15, y: -data.reach - 0.15 }, "↑ " + data.axes[1]));
const shadow = draw("line", { x1: 0, y1: 0, class: "shadow" }), drop = draw("line", { class: "drop" });
const angle = draw("path", { class: "angle" });
svg.append(angle, shadow, drop);

const live = make("div", "live");
live.setAttribute("aria-live", "polite");
const place = (i, x, y) => {  // an arrow of length 0 has no angle: it stays as it was
  const inside = value => Math.min(Math.max(value, -data.reach), data.reach);
  if (size([inside(x), inside(y)]) > 1e-9) arrows[i] = [inside(x), inside(y)];
  paint();
};

const hands = arrows.map((_, i) => {
  const node = draw("g", { class: "arrow " + "ab"[i], tabindex: 0, role: "button",
    "data-lm-suppress-shortcuts": "true" });
  const parts = { grip: draw("circle", { class: "grip", r: 0.42 }), shaft: draw("line", { class: "shaft", x1: 0, y1: 0 }),
    tip: draw("path", { class: "tip" }), name: draw("text", { class: "called", "text-anchor": "middle" }, data.names[i]) };
  node.append(...Object.values(parts));
  svg.append(node);
  node.addEventListener("pointerdown", event => {
    event.preventDefault();
    node.focus();
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", event => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    place(i, Math.round(at.x / STEP) * STEP, Math.round(-at.y / STEP) * STEP);
  });
  node.addEventListener("keydown", event => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const step = STEP * (event.shiftKey ? 4 : 1);
    let [x, y] = arrows[i].map((value, axis) => value + step * way[axis]);
    if (size([x, y]) < 1e-9) [x, y] = [step * way[0], step * way[1]];  // through the middle, not into it
    place(i, x, y);
  });
  return { node, ...parts };
});

const move = (text, to) => {
  const button = make("button", "", text);
  button.type = "button";
  button.addEventListener("click", () => { if (button.ariaDisabled !== "true") place(0, ...to()); });
  return button;
};
const [first, second] = data.names.map(name => `“${name}”`);
const doubled = move(`double ${first}`, () => arrows[0].map(value => 2 * value));
const moves = [doubled, move(`halve ${first}`, () => arrows[0].map(value => value / 2)),
  move(`right angle`, () => {
    const [x, y] = arrows[1], scale = size(arrows[0]) / size(arrows[1]);
    const turned = [-y * scale, x * scale], most = Math.max(...turned.map(Math.abs));
    return turned.map(value => value * Math.min(1, data.reach / most));
  })];

// names stand at their tips: off the other's tip and name, off the axes' names, never over the edge,
// and off both arrows where there is room
const boxOf = node => { try { return node.getBBox(); } catch { return new DOMRect(); } };
const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const grown = (box, by) => ({ x: box.x - by, y: box.y - by, width: box.width + 2 * by, height: box.height + 2 * by });
const holds = (box, x, y) => box.x <= x && x <= box.x + box.width && box.y <= y && y <= box.y + box.height;
const along = Array.from({ length: 41 }, (_, k) => k / 40);
const onArrow = box => arrows.some(([x, y]) => along.some(share => holds(box, share * x, -share * y)));
const placeNames = () => {
  const taken = [...svg.querySelectorAll(":scope > text")].map(boxOf);
  hands.forEach(({ name, grip }, i) => {
    const [x, y] = arrows[i], over = [0, -0.55], under = [0, 0.95];
    const first = y >= arrows[1 - i][1] ? [over, under] : [under, over];
    const ways = [...first, ...[0.17, -0.45, 0.8].flatMap(below => [[1, below], [-1, below]]), [0, -1.25], [0, 1.65]];
    const put = ([side, below]) => {
      set(name, { x: x + 0.6 * side, y: -y + below, "text-anchor": ["end", "middle", "start"][side + 1] });
      let box = boxOf(name);
      const back = Math.min(Math.max(box.x, -EDGE), EDGE - box.width) - box.x;  // pushed in from the edge
      set(name, { x: x + 0.6 * side + back });
      box = boxOf(name);
      const others = [...taken, boxOf(hands[1 - i].grip), grown(boxOf(grip), -0.12)];
      const meets = others.some(other => overlap(box, other));
      return meets || box.y < -EDGE || box.y + box.height > EDGE ? 2 : Number(onArrow(box));
    };
    const faults = ways.map(put);
    put(ways[faults.indexOf(Math.min(...faults))]);
    taken.push(boxOf(name));
  });
};
const paint = () => {
  const [a, b] = arrows, dot = a[0] * b[0] + a[1] * b[1], cosine = dot / (size(a) * size(b));
  const degrees = Math.acos(Math.min(1, Math.max(-1, cosine))) * 180 / Math.PI;
  hands.forEach(({ node, grip, shaft, tip }, i) => {
    const [x, y] = arrows[i], along = [x / size(arrows[i]), y / size(arrows[i])];
    const back = Math.min(0.42, size(arrows[i])), from = [x - back * along[0], y - back * along[1]];
    const side = [-0.2 * along[1], 0.2 * along[0]];
    set(grip, { cx: x, cy: -y });
    set(shaft, { x2: from[0], y2: -from[1] });
    tip.setAttribute("d", `M ${x} ${-y} L ${from[0] + side[0]} ${-from[1] - side[1]} `
      + `L ${from[0] - side[0]} ${-from[1] + side[1]} Z`);
    node.setAttribute("aria-label", `${data.names[i]}: ${data.axes[0]} ${number(x)}, `
      + `${data.axes[1]} ${number(y)}. Arrow keys move it.`);
  });
  placeNames();
  const share = dot / size(b) ** 2, foot = b.map(value => share * value);
  set(shadow, { x2: foot[0], y2: -foot[1] });
  set(drop, { x1: a[0], y1: -a[1], x2: foot[0], y2: -foot[1] });
  const [start, end] = arrows.map(arrow => arrow.map(value => 0.9 * value / size(arrow)));
  const turn = a[0] * b[1] - a[1] * b[0] > 0 ? 0 : 1;
  angle.setAttribute("d", `M 0 0 L ${start[0]} ${-start[1]} A 0.9 0.9 0 0 ${turn} ${end[0]} ${-end[1]} Z`);
  // not `disabled`: that would drop the focus, and with it the notebook's keys
  doubled.ariaDisabled = String(Math.max(...a.map(Math.abs)) * 2 > data.reach);
  const sum = a.map((value, axis) => `${factor(value)}·${factor(b[axis])}`).join(" + ");
  live.replaceChildren(make("b", "", `${data.names[0]} · ${data.names[1]} = ${number(dot)}`),
    make("span", "", `= ${sum}`),
    make("span", "", `= shadow ${number(share * size(b))} × length ${number(size(b))} of ${second}`),
    make("span", "", `lengths ${number(size(a))} and ${number(size(b))}, angle ${Math.round(degrees)}°`),
    make("span", "cosine", `cosine ${fixed(cosine)}: the dot product without the lengths`));
  Object.assign(root.dataset, { dot: number(dot), cosine: fixed(cosine), angle: Math.round(degrees) });
};
const beside = make("div", "beside"), buttons = make("div", "moves");
beside.append(svg, live);
buttons.append(...moves);
const help = `Drag a tip, or click here and use the arrow keys (with Shift in larger steps). Tab leads to the other tip. The broad line is the shadow of ${first} on the line of ${second}.`;
root.querySelector(".fallback").replaceWith(
  make("div", "title", data.title), make("div", "help", help), beside, buttons);
paint();
