const name = "course.guess." + data.id;
const recall = () => {
  const kept = window.courseGuesses?.[name];
  try { return kept ?? localStorage.getItem(name) ?? ""; } catch { return kept ?? ""; }
};
const list = document.createElement("dl");
list.innerHTML = "<dt>You guessed</dt><dd></dd><dt>It came out as</dt><dd></dd>";
const [guess, result] = list.querySelectorAll("dd");
result.textContent = data.result;
const fill = () => {
  const kept = recall();
  guess.textContent = kept || "nothing yet: write a guess above, it is where the learning happens";
  guess.classList.toggle("none", !kept);
};
fill();
document.addEventListener("course-guess", event => { if (event.detail === data.id) fill(); });
root.querySelector(".fallback").replaceWith(list);
