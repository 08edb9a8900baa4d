// Beside the list of files, a window as narrow as a phone leaves the page one letter wide: fold the list.
// What is wider than the page says on which side it goes on, and lab.css fades it there.
(() => {
  const WIDE = ".jp-RenderedImage, .jp-OutputArea-output pre, mjx-container[display=true]";
  const measure = node => {
    const left = node.scrollLeft > 1, right = node.scrollLeft + node.clientWidth < node.scrollWidth - 1;
    const more = `${left ? "left " : ""}${right ? "right" : ""}`.trim();
    if (more === (node.dataset.more ?? "")) return;
    if (more) node.dataset.more = more; else delete node.dataset.more;
  };
  const watch = app => {
    const narrow = matchMedia("(max-width: 600px)");
    const fold = () => { if (narrow.matches) app.shell.collapseLeft(); };
    narrow.addEventListener("change", fold);
    let waiting = false;
    const look = () => {
      waiting = false;
      document.querySelectorAll(WIDE).forEach(measure);
    };
    const soon = () => {
      if (!waiting) setTimeout(look, 300);
      waiting = true;
    };
    document.addEventListener("scroll", ({ target }) => { if (target.matches?.(WIDE)) measure(target); }, true);
    document.addEventListener("load", soon, true);  // of a picture
    window.addEventListener("resize", soon);
    app.restored.then(() => {
      fold();
      app.shell.layoutModified.connect(soon);
      new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
    });
  };
  const plugin = { id: "course-narrow:list", autoStart: true, activate: watch };
  const container = { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) };
  (window._JUPYTERLAB ??= {})["course-narrow"] = container;
})();
