// What a learner guessed and chose is kept with the work, by the course's own server; where a page
// has no such server, in the browser. One store serves all views of a page.
const kept = (window.courseKept ??= (() => {
  const config = document.getElementById("jupyter-config-data");
  const base = config && JSON.parse(config.textContent).baseUrl;
  const place = base && base + "course/kept";
  const values = {}, name = key => "course.kept." + key;
  let asked = null;
  const ask = () => fetch(place).then(answer => answer.ok ? answer.json() : {})
    .then(found => { Object.assign(values, found); }, () => {});
  return {
    // again for each view that appears, so that another tab's answers are seen; once for many
    ready: () => place ? (asked ??= ask().finally(() => setTimeout(() => { asked = null; }, 1000)))
      : Promise.resolve(),
    get(key) {
      if (key in values) return values[key];
      try { return JSON.parse(localStorage.getItem(name(key))) ?? undefined; } catch { return undefined; }
    },
    draft(key, value) { values[key] = value; },  // this page only: it is still being written
    set(key, value) {
      values[key] = value;
      try { localStorage.setItem(name(key), JSON.stringify(value)); } catch { /* this page has it */ }
      const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1] ?? "";
      if (place) fetch(place, { method: "POST", body: JSON.stringify({ [key]: value }), keepalive: true,
        headers: { "Content-Type": "application/json", "X-XSRFToken": token } }).catch(() => {});
    },
  };
})());
