const form = document.createElement("form");
const score = document.createElement("div");
score.className = "score";
score.setAttribute("aria-live", "polite");
let first = 0, solved = 0;
const recalls = [];

const count = () => {
  score.textContent = `${solved} of ${data.length} solved, ${first} at the first try.`;
};

data.forEach((question, number) => {
  const field = document.createElement("fieldset");
  // the markup of texts was escaped where this data was made
  field.innerHTML = `<legend>${number + 1}. ${question.text}</legend>`
    + question.options.map((option, i) => `<label class="option">
        <input type="radio" name="${number}" value="${i}"><span>${option.text}</span></label>
        <div class="why ${option.right ? "right" : "wrong"}" hidden><strong>
        ${option.right ? "✓ Right." : "✗ Not this one."}</strong> ${option.why}</div>`).join("")
    + `<button type="button" aria-disabled="true">Check</button><span class="live" aria-live="polite"></span>`;
  const radios = [...field.querySelectorAll("input")], whys = [...field.querySelectorAll(".why")];
  const button = field.querySelector("button"), live = field.querySelector(".live");
  live.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
  const key = "quiz." + question.id;
  let tried = [], done = false;

  const judge = i => {
    if (i < 0 || done) return;
    tried.push(question.options[i].key);
    const tries = tried.length;
    done = question.options[i].right;
    // a wrong choice is explained by itself, so that the rest can still be tried
    whys.forEach((why, j) => { if (done || j === i) why.hidden = false; });
    whys[i].classList.add("chosen");
    live.textContent = whys[i].textContent;
    if (done) {
      solved += 1;
      first += tries === 1;
      button.ariaDisabled = "true";  // not `disabled`: that would drop the focus, and with it the notebook's keys
      button.textContent = tries === 1 ? "Solved" : `Solved at try ${tries}`;
    }
    count();
  };
  const choose = () => {
    const before = tried.length;
    judge(radios.findIndex(radio => radio.checked));
    if (tried.length > before) kept.set(key, tried.slice(-12));
  };
  // what was tried before, as far as the options are still the same
  recalls.push(() => {
    const options = question.options.map(option => option.key);
    const before = (kept.get(key) ?? []).map(each => options.indexOf(each)).filter(i => i >= 0);
    if (tried.length || !before.length) return;
    before.forEach(judge);
    radios[before.at(-1)].checked = true;
  });
  field.addEventListener("change", () => { button.ariaDisabled = String(done); });
  field.addEventListener("keydown", event => {
    event.stopPropagation();  // arrows choose an option; JupyterLab would change the cell
    if (event.key === "Enter") { event.preventDefault(); choose(); }
  });
  button.addEventListener("click", choose);
  form.append(field);
});
form.addEventListener("submit", event => event.preventDefault());
form.append(score);
count();
kept.ready().then(() => recalls.forEach(recall => recall()));
root.querySelector(".fallback").replaceWith(form);
