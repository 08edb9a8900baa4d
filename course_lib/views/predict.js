const key = "guess." + data.id;
const form = document.createElement("form");
form.innerHTML = `<label><span class="asks"><strong>Predict first.</strong> ${data.question}</span>
  <span class="line"><input type="text" autocomplete="off" placeholder="your guess" maxlength="200">
  <span class="kept" aria-live="polite"></span></span></label>`;
const input = form.querySelector("input"), told = form.querySelector(".kept");
const say = () => { told.textContent = input.value.trim() ? "✓ kept: now run on" : ""; };
// while the guess waits, what the prose behind the outcome tells is out of focus (predict.css)
const veil = () => { root.toggleAttribute("data-waits", !input.value.trim()); };
const tell = what => document.dispatchEvent(new CustomEvent(what, { detail: data.id }));
let touched = false;
const recall = () => {
  if (!touched) input.value = kept.get(key) ?? "";
  say();
  veil();
};
const made = () => {
  kept.set(key, input.value.trim());
  say();
  veil();
  tell("course-guessed");
};
recall();
kept.ready().then(recall);
input.addEventListener("input", () => {
  touched = true;
  kept.draft(key, input.value.trim());
  tell("course-guess");
});
input.addEventListener("change", made);
form.addEventListener("submit", event => { event.preventDefault(); made(); });
// JupyterLab must not take Enter, arrows or letters while a guess is being written
input.addEventListener("keydown", event => event.stopPropagation());
root.querySelector(".fallback").replaceWith(form);
