const name = "course.guess." + data.id;
const recall = () => {
  const kept = window.courseGuesses?.[name];
  try { return kept ?? localStorage.getItem(name) ?? ""; } catch { return kept ?? ""; }
};
const details = document.createElement("details");
details.innerHTML = `<summary data-lm-suppress-shortcuts="true"></summary>
  <dl><dt>You guessed</dt><dd></dd><dt>It came out as</dt><dd></dd></dl>`;
const [guess, result] = details.querySelectorAll("dd"), summary = details.querySelector("summary");
result.textContent = data.result;
const fill = () => {
  const kept = recall();
  summary.textContent = kept ? "What came out" : data.folded;
  guess.textContent = kept || "nothing yet: write a guess above, it is where the learning happens";
  guess.classList.toggle("none", !kept);
};
const open = () => { details.open = !!recall(); };
fill();
open();
// while it is being written a guess only shows; when it is made, what came out opens
document.addEventListener("course-guess", event => { if (event.detail === data.id) fill(); });
document.addEventListener("course-guessed", event => { if (event.detail === data.id) open(); });
root.querySelector(".fallback").replaceWith(details);
