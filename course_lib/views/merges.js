const last = data.steps.length - 1;
let step = 0;

const words = make("div", "words"), pairs = make("div", "pairs"), live = make("div", "live");
live.setAttribute("aria-live", "polite");
pairs.setAttribute("role", "group");
pairs.setAttribute("aria-label", "pairs of neighbours");

const line = make("label", "slider"), input = make("input", "step"), out = make("output");
Object.assign(input, { type: "range", min: 0, max: last, value: 0 });
input.setAttribute("aria-label", "merges made");
line.append(make("span", "name", "merges made"), input, out);

// pieces that stand in a pair: greedy from the left, as the merge itself will be
const light = pair => words.querySelectorAll(".word").forEach(row => {
  const boxes = [...row.querySelectorAll(".piece")];
  boxes.forEach(box => box.classList.remove("lit"));
  for (let i = 0; pair && i + 1 < boxes.length; i++) {
    if (boxes[i].textContent !== pair[0] || boxes[i + 1].textContent !== pair[1]) continue;
    boxes[i].classList.add("lit");
    boxes[++i].classList.add("lit");
  }
});
const same = (a, b) => Boolean(a && b && a[0] === b[0] && a[1] === b[1]);
const times = n => n === 1 ? "once" : `${n} times`;

const choose = pair => {
  const { next, pairs: all } = data.steps[step], most = Math.max(...all.map(row => row[2]));
  const told = `“${pair[0]} ${pair[1]}” stands there ${times(pair[2])}`;
  if (same(next, pair)) { go(step + 1, true); return; }
  live.textContent = !next ? `${told}. Here the training ends.`
    : pair[2] === most ? `${told}, and so does another, which comes first in the order.`
      : `${told}. One stands there more often.`;
  root.dataset.wrong = Number(root.dataset.wrong ?? 0) + 1;
};

const buttonOf = pair => {
  const node = make("button", "pair", `${pair[0]} ${pair[1]}`);
  node.type = "button";
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const name of ["mouseenter", "focus"]) node.addEventListener(name, () => light(pair));
  for (const name of ["mouseleave", "blur"]) node.addEventListener(name, () => light(null));
  node.addEventListener("click", () => choose(pair));
  node.addEventListener("keydown", event => {
    const to = { ArrowRight: node.nextElementSibling, ArrowLeft: node.previousElementSibling }[event.key];
    if (!["ArrowRight", "ArrowLeft"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    to?.focus();
  });
  return node;
};

const go = (to, chosen) => {
  step = to;
  const now = data.steps[step], made = step ? data.steps[step - 1].next : null;
  words.replaceChildren(...now.words.map((pieces, i) => {
    const row = make("div", "word");
    row.append(make("span", "count", `${data.counts[i]} ×`), ...pieces.map(piece =>
      make("span", made && piece === made.join("") ? "piece new" : "piece", piece)));
    return row;
  }));
  pairs.replaceChildren(...now.pairs.map(buttonOf));
  const tokens = now.words.reduce((sum, pieces, i) => sum + data.counts[i] * pieces.length, 0);
  input.value = step;
  out.textContent = `${step} of ${last}, ${tokens} tokens in all`;
  const told = made ? `“${made[0]}” and “${made[1]}” became one. ` : "";
  live.textContent = told + (now.next ? "Which pair comes next?"
    : now.pairs.length ? "Here the training ends." : "Every word is one token: nothing is left to join.");
  Object.assign(root.dataset, { step, tokens });
  if (chosen) (pairs.querySelector(".pair") ?? input).focus();
};
input.addEventListener("input", () => go(Number(input.value)));
// arrow keys belong to the slider, not to the page
input.addEventListener("keydown", event => event.stopPropagation());

const help = "Point at a pair and it lights up in the words. Choose the one that you think is commonest, by mouse, or "
  + "click here and use the arrow keys and Enter: if it is, it is joined. The slider walks through all merges.";
root.querySelector(".fallback").replaceWith(
  make("div", "title", data.title), make("div", "help", help), words, pairs, live, line);
go(0);
