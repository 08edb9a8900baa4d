const percent = weight => Math.round(100 * weight) + "%";
let head = data.head, pinned = data.start, shown = -1;

const word = (name, text) => {
  const node = make(name.includes("key") ? "span" : "button", name, text);
  if (node.tagName === "BUTTON") node.type = "button";
  node.append(make("small"));
  return node;
};
const row = (label, nodes) => {
  const line = make("div", "row");
  if (label) line.append(make("span", "name", label));
  line.append(...nodes);
  return line;
};

const queries = data.queries.map(token => word("word", token));
// one row when the sentence looks at itself, two when it looks at another one
const keys = data.crossed ? data.keys.map(token => word("word key", token)) : queries;
const heads = data.many ? data.weights.map((_, i) => make("button", "head", i)) : [];
const live = make("div", "live");
live.setAttribute("aria-live", "polite");

const paint = i => {
  shown = i;
  root.dataset.active = i;
  root.dataset.head = head;
  queries.forEach((node, q) => {
    node.classList.toggle("lit", q === i);
    node.setAttribute("aria-pressed", String(q === pinned));
    node.tabIndex = q === Math.max(i, 0) ? 0 : -1;
  });
  heads.forEach((node, h) => node.setAttribute("aria-pressed", String(h === head)));
  const weights = i < 0 ? null : data.weights[head][i];
  keys.forEach((node, k) => {
    const strength = weights ? 0.06 + 0.7 * weights[k] : 0;
    node.style.backgroundColor = strength ? `rgba(var(--strength), ${strength.toFixed(3)})` : "";
    node.querySelector("small").textContent = weights ? percent(weights[k]) : "";
  });
  if (!weights) { live.textContent = "No word is lit yet."; return; }
  const top = weights.map((weight, k) => [weight, k]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  const seen = top.slice(0, 3).map(([weight, k]) => `${data.keys[k]} ${percent(weight)}`).join(", ");
  live.textContent = `“${data.queries[i]}” ${data.verb}: ${seen}` + (i === pinned ? " (pinned)" : "");
};

queries.forEach((node, i) => {
  node.addEventListener("mouseenter", () => paint(i));
  node.addEventListener("focus", () => paint(i));
  node.addEventListener("click", () => { pinned = pinned === i ? -1 : i; paint(i); });
  node.addEventListener("keydown", event => {
    const last = queries.length - 1;
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") { pinned = -1; paint(i); }
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    queries[(to + queries.length) % queries.length].focus();
  });
});
heads.forEach((node, h) => {
  node.type = "button";
  node.setAttribute("aria-label", `head ${h}`);
  node.addEventListener("click", () => { head = h; paint(shown); });
});

const line = row(data.crossed ? "from" : "", queries);
// leaving the words with the mouse goes back to the pinned one, or stays with the focused one
line.addEventListener("mouseleave", () => {
  const focused = queries.indexOf(document.activeElement);
  paint(pinned >= 0 ? pinned : focused);
});
const help = "Point at a word, or click here and use the arrow keys: colour and percent "
  + `say what it ${data.verb}. A click pins it.`;
root.querySelector(".fallback").replaceWith(
  make("div", "title", data.title), make("div", "help", help),
  ...(heads.length ? [row("head", heads)] : []),
  line, ...(data.crossed ? [row(data.verb, keys)] : []), live);
paint(pinned);
