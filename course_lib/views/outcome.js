const key = "guess." + data.id;
const details = document.createElement("details");
details.innerHTML = `<summary data-lm-suppress-shortcuts="true"></summary>
  <dl><dt>You guessed</dt><dd></dd><dt>It came out as</dt><dd></dd></dl><div class="agrees"></div>`;
const [guess, result] = details.querySelectorAll("dd"), summary = details.querySelector("summary");
const agrees = details.querySelector(".agrees");
const plain = text => text.trim().toLowerCase().replace(/[\s,.!]+$/, "");
const NUMBER = /-?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\bnan\b|\binf\b)/g;
// a guess in words alone, as a number: "none", "about three", "one eleventh"
const COUNTS = "none one two three four five six seven eight nine ten eleven twelve".split(" ");
const PARTS = "whole half third quarter fifth sixth seventh eighth ninth tenth eleventh twelfth".split(" ");
const IN_WORDS = RegExp(`^(?:(?:about|around|roughly) )?(a|nothing|zero|${COUNTS.join("|")})?[ -]?`
  + `(?:(${PARTS.slice(1).join("|")})s?)?(?: of them| of it)?$`);
const inDigits = text => {
  const [found, count, part] = plain(text).match(IN_WORDS) ?? [];
  if (!found || !(count || part) || (count === "a" && !part)) return text;
  const many = count && count !== "a" ? Math.max(0, COUNTS.indexOf(count)) : 1;
  return String(many / (part ? PARTS.indexOf(part) + 1 : 1));
};
// one writing for the many that people have: 1,000; 1/11; −3; never, which is after any step
const spelled = text => inDigits(text).toLowerCase().replace("never", "1e999").replaceAll("−", "-").replace(/(\d),(?=\d{3}\b)/g, "$1")
  .replace(/\bof \d+/, "").replace(/(\d+) ?\/ ?(\d+)/g, (_, part, whole) => part / whole);
const numbers = text => spelled(text).match(NUMBER) ?? [];
// the one number of a text, also with a decimal comma; NaN where there is none, or several
const COMMA = /^[-−]?(?:0,\d+|\d+,\d{1,2})\s*%?$/;
const number = text => {
  const found = numbers(COMMA.test(text.trim()) ? text.replace(",", ".") : text);
  return found.length === 1 ? Number(found[0]) * (text.includes("%") ? 0.01 : 1) : NaN;
};
// how far a result may lie from its digits: 1/11 is written as 0.091
const rounding = text => {
  const digits = numbers(text)[0].match(/\.(\d+)$/)?.[1].length;
  return digits ? 0.5 * 10 ** -digits * (text.includes("%") ? 0.01 : 1) : 0;
};
const bare = text => !/[a-z]/.test(spelled(text).replace(NUMBER, "").replace(/torch\.size|x|and/g, ""));
// "5, 2, 7" is (5, 2, 7), and "nan" is [nan, nan]
const sameNumbers = (made, came, share = 0) => {
  const [ours, theirs] = [numbers(made), numbers(came)];
  const each = ours.length === 1 ? theirs.map(() => ours[0]) : ours;
  return each.length === theirs.length
    && each.every((one, i) => one === theirs[i] || Math.abs(one - theirs[i]) <= share * Math.abs(theirs[i]));
};
const CLOSE = "✓ That is close to your guess", SAME = "✓ That is what you guessed.", OTHER = "Not what you guessed: what would explain it?";
const NEAR = "Near your guess, yet not it.";
// what came out between two numbers; nothing where that can't be compared
const RANGE = /^(-?[\d.]+)%? to (-?[\d.]+)(%?)/;
const ranged = (made, [, low, high, percent]) => {
  const one = number(made) * (percent && (made.includes("%") || number(made) < 1) ? 100 : 1);
  if (Number.isNaN(one) || (made.includes("%") && !percent)) return "";
  const off = Math.max(low - one, one - high);
  return off <= 0 ? "✓ That is in between, as you guessed." : off <= 0.05 * high ? CLOSE + "." : off <= 0.3 * high ? NEAR : OTHER;
};
// "3 of 8": a guess is told in eighths, however it names them: "all but two", "half of them", 1/2, 40 %, 0.4
const COUNT = /^(?:in )?(?:about )?(\d[\d.]*)( to \d[\d.]*)? of (\d+)/;
const ALL = /^(?:all|both|each|every|every ?(?:one|body|thing))(?: [\w ]+)?$/;
const NO = /^(?:not (?:a single |even )?(?:one|any)|no ?(?:one|body)|none at all)(?: of [\w ]+)?$/;
const MOST = /^(?:(?:the )?most|more than half|the majority)(?: [\w ]+)?$/;
const FEWER = /^(?:less|fewer) than half(?: [\w ]+)?$/;
const inWhole = (made, whole) => {
  const said = plain(made).replace(/^(?:about|around|roughly) /, "");
  const but = said.match(/^all (?:but|except)(?: for)? (\w+)/), parts = said.match(/^(\d+) ?(?:\/|of|in) ?(\d+)$/);
  if (but) return whole - number(but[1]);
  if (ALL.test(said)) return whole;
  if (NO.test(said)) return 0;
  if (parts) return parts[1] * whole / parts[2];
  const one = number(made), share = made.includes("%") || said.match(IN_WORDS)?.[2] || (one > 0 && one < 1);
  return share ? one * whole : one;
};
const counted = (guess, [, low, high, whole]) => {
  const said = plain(guess), middle = whole / 2, top = high ? high.slice(4) : low;
  if (MOST.test(said)) return Number(low) === Number(whole) ? NEAR : low > middle ? SAME : OTHER;
  if (FEWER.test(said)) return top < middle ? SAME : OTHER;
  const made = inWhole(guess, Number(whole));
  if (high) return guess.includes("%") ? "" : ranged(String(made), [, low, top, ""]);
  const off = Math.abs(made - low);
  return Number.isNaN(off) ? "" : off <= Math.max(rounding(low), 1e-9) ? SAME
    : off <= 0.05 * low ? CLOSE + "." : off <= 0.3 * low ? NEAR : OTHER;
};
const compared = (guess, came) => {
  if (!guess) return "";
  if (plain(guess) === plain(came)) return SAME;
  const count = came.replace(/(\d),(?=\d{3}\b)/g, "$1").match(COUNT), range = came.match(RANGE);
  if (count) return counted(guess, count);
  if (range) return ranged(guess, range);
  if (numbers(came).length > 1 && numbers(guess).length && bare(guess) && bare(came))
    return sameNumbers(guess, came) ? SAME : sameNumbers(guess, came, 0.05) ? CLOSE + "." : OTHER;
  const off = Math.abs(number(guess) - number(came)), size = Math.abs(number(came));
  if (Number.isNaN(off)) return "";  // words: whether they say the same is for the reader
  if (off <= rounding(came)) return SAME;
  if (off <= 0.05 * size) return CLOSE + ".";
  // "95", where "0.957" came out
  if (size < 1 && number(guess) > 1 && Math.abs(number(guess) / 100 - number(came)) <= 0.05 * size)
    return CLOSE + ", in percent.";
  return off <= 0.3 * size ? NEAR : OTHER;
};
result.textContent = data.result;
const fill = () => {
  const made = kept.get(key);
  summary.textContent = made ? "What came out" : data.folded;
  guess.textContent = made || "nothing yet: write a guess above, it is where the learning happens";
  guess.classList.toggle("none", !made);
  agrees.textContent = compared(made ?? "", data.result);
};
const both = () => {
  fill();
  details.open = !!kept.get(key);
  root.toggleAttribute("data-waits", !details.open);  // see outcome.css
};
both();
kept.ready().then(both);
// while it is being written a guess only shows; when it is made, what came out opens and is in focus
document.addEventListener("course-guess", event => { if (event.detail === data.id) fill(); });
document.addEventListener("course-guessed", event => { if (event.detail === data.id) both(); });
root.querySelector(".fallback").replaceWith(details);
