const guesses = (window.courseGuesses ??= {});
const name = "course.guess." + data.id;
const recall = () => {
  try { return localStorage.getItem(name) ?? guesses[name] ?? ""; } catch { return guesses[name] ?? ""; }
};
const keep = value => {
  guesses[name] = value;
  try { localStorage.setItem(name, value); } catch { /* the page keeps it until it is closed */ }
  document.dispatchEvent(new CustomEvent("course-guess", { detail: data.id }));
};

const form = document.createElement("form");
form.innerHTML = `<label><span class="asks"><strong>Predict first.</strong> ${data.question}</span>
  <span class="line"><input type="text" autocomplete="off" placeholder="your guess" maxlength="200">
  <span class="kept" aria-live="polite"></span></span></label>`;
const input = form.querySelector("input"), kept = form.querySelector(".kept");
const say = () => { kept.textContent = input.value.trim() ? "✓ kept: now run on" : ""; };
const made = () => {
  say();
  document.dispatchEvent(new CustomEvent("course-guessed", { detail: data.id }));
};
input.value = recall();
say();
input.addEventListener("input", () => keep(input.value.trim()));
input.addEventListener("change", made);
form.addEventListener("submit", event => { event.preventDefault(); made(); });
// JupyterLab must not take Enter, arrows or letters while a guess is being written
input.addEventListener("keydown", event => event.stopPropagation());
root.querySelector(".fallback").replaceWith(form);
