const TURN = 2 * Math.PI, R = 30;
let chosen = 0, place = data.place, distance = data.distance;

// angles run as on a clock, from twelve
const at = (angle, r) => [r * Math.sin(angle), -r * Math.cos(angle)];
const point = (angle, r) => at(angle, r).map(x => x.toFixed(2)).join(" ");
// in two halves: a single arc can't be a whole turn
const arc = (from, to, r) => {
  const half = Math.min(to - from, TURN) / 2, step = angle => `A ${r} ${r} 0 0 1 ${point(angle, r)}`;
  return `M ${point(from, r)} ${step(from + half)} ${step(from + 2 * half)}`;
};

const clocks = data.frequencies[0].map((_, i) => {
  const box = make("figure", "clock");
  const face = draw("svg", { viewBox: "-38 -38 76 76", width: 76, height: 76, "aria-hidden": "true" });
  const parts = {
    rim: draw("circle", { r: R, class: "rim" }),
    ring: draw("path", { class: "ring" }),
    wedge: draw("path", { class: "wedge" }),
    key: draw("line", { x1: 0, y1: 0, class: "key" }),
    query: draw("line", { x1: 0, y1: 0, class: "query" }),
  };
  face.append(...Object.values(parts));
  const caption = make("figcaption");
  box.append(face, caption);
  return { box, caption, ...parts };
});

const row = make("div", "row");
row.append(...clocks.map(clock => clock.box));
const live = make("div", "live");
live.setAttribute("aria-live", "polite");
const buttons = data.names.length < 2 ? [] : data.names.map(name => make("button", "setting", name));

const slider = (label, name, low, high, value) => {
  const line = make("label", "slider"), input = make("input", name), out = make("output");
  Object.assign(input, { type: "range", min: low, max: high, value, tabIndex: 0 });
  input.setAttribute("aria-label", label);
  line.append(make("span", "name", label), input, out);
  return { line, input, out };
};
const together = slider("place of the query", "place", 0, data.length - 1, place);
const apart = slider("how far back the key is", "distance", 0, data.length - 1, distance);

const hand = (line, angle, r) => {
  const [x, y] = at(angle, r);
  line.setAttribute("x2", x.toFixed(2));
  line.setAttribute("y2", y.toFixed(2));
};
const paint = () => {
  let fresh = 0;
  const frequencies = data.frequencies[chosen];
  clocks.forEach((clock, i) => {
    const query = place * frequencies[i], key = (place - distance) * frequencies[i], between = query - key;
    const isNew = data.trained > 0 && between % TURN > data.seen[i] + 1e-9;
    fresh += isNew;
    hand(clock.query, query, R - 3);
    hand(clock.key, key, R - 12);
    // the ring starts at the key's hand: it marks the angles between the hands, not places
    clock.ring.setAttribute("d", data.trained ? arc(key, key + data.seen[i], R) : "");
    const swept = between >= TURN ? TURN : between;
    clock.wedge.setAttribute("d", swept < 1e-3 ? "" : `${arc(key, key + swept, R - 14)} L 0 0 Z`);
    clock.box.classList.toggle("new", isNew);
    const turns = between / TURN;
    clock.caption.textContent = `pair ${i}: ` + (turns >= 1 ? `${turns.toFixed(1)} turns`
      : `${Math.round(between * 360 / TURN)}°`) + (isNew ? " new" : "");
  });
  buttons.forEach((node, i) => node.setAttribute("aria-pressed", String(i === chosen)));
  apart.input.max = place;
  apart.input.value = distance;
  together.input.value = place;
  together.out.textContent = place;
  apart.out.textContent = distance;
  Object.assign(root.dataset, { place, distance, fresh, setting: data.names[chosen] });
  const told = distance ? `Query at ${place}, key at ${place - distance}: ${distance} apart.`
    : `Query and key at ${place}: the same place, so both hands of each pair lie on each other.`;
  live.textContent = told + (data.trained
    ? ` ${fresh} of ${clocks.length} pairs stand at an angle that ${data.trained} places never showed.` : "");
};
together.input.addEventListener("input", () => {
  place = Number(together.input.value);
  distance = Math.min(distance, place);
  paint();
});
apart.input.addEventListener("input", () => { distance = Number(apart.input.value); paint(); });
for (const { input } of [together, apart])  // arrow keys belong to the slider, not to the page
  input.addEventListener("keydown", event => event.stopPropagation());
buttons.forEach((node, i) => {
  node.type = "button";
  node.addEventListener("click", () => { chosen = i; paint(); });
});
const setting = make("div", "settings");
setting.append(...buttons);
const help = "Long hand: the query. Short hand: the key. The first slider moves both and leaves the angle "
  + "between them; the second opens it." + (data.trained ? " The ring marks the angles of training." : "");
root.querySelector(".fallback").replaceWith(
  make("div", "title", data.title), make("div", "help", help), ...(buttons.length ? [setting] : []),
  row, together.line, apart.line, live);
paint();
