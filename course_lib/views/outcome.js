const key = "guess." + data.id;
const details = document.createElement("details");
details.innerHTML = `<summary data-lm-suppress-shortcuts="true"></summary>
  <dl><dt>You guessed</dt><dd></dd><dt>It came out as</dt><dd></dd></dl><div class="agrees"></div>`;
const [guess, result] = details.querySelectorAll("dd"), summary = details.querySelector("summary");
const agrees = details.querySelector(".agrees");
const plain = text => text.trim().toLowerCase().replace(/[\s,.!]+$/, "");
// the one number of a text; NaN where there is none, or several
const number = text => {
  const found = text.replaceAll("−", "-").match(/-?\d+(\.\d+)?(e-?\d+)?/gi) ?? [];
  return found.length === 1 ? Number(found[0]) * (text.includes("%") ? 0.01 : 1) : NaN;
};
const compared = (made, came) => {
  if (!made) return "";
  if (plain(made) === plain(came)) return "✓ That is what you guessed.";
  const off = Math.abs(number(made) - number(came)), size = Math.abs(number(came));
  if (Number.isNaN(off)) return "";  // words: whether they say the same is for the reader
  if (off <= 0.05 * size) return "✓ That is close to your guess.";
  return off <= 0.3 * size ? "Near your guess, yet not it." : "Not what you guessed: what would explain it?";
};
result.textContent = data.result;
const fill = () => {
  const made = kept.get(key);
  summary.textContent = made ? "What came out" : data.folded;
  guess.textContent = made || "nothing yet: write a guess above, it is where the learning happens";
  guess.classList.toggle("none", !made);
  agrees.textContent = compared(made ?? "", data.result);
};
const open = () => { details.open = !!kept.get(key); };
const both = () => { fill(); open(); };
both();
kept.ready().then(both);
// while it is being written a guess only shows; when it is made, what came out opens
document.addEventListener("course-guess", event => { if (event.detail === data.id) fill(); });
document.addEventListener("course-guessed", event => { if (event.detail === data.id) both(); });
root.querySelector(".fallback").replaceWith(details);
