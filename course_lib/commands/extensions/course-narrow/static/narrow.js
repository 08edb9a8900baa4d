// Beside the list of files, a window as narrow as a phone leaves the page one letter wide: fold the list.
(() => {
  const watch = app => {
    const narrow = matchMedia("(max-width: 600px)");
    const fold = () => { if (narrow.matches) app.shell.collapseLeft(); };
    narrow.addEventListener("change", fold);
    app.restored.then(fold);
  };
  const plugin = { id: "course-narrow:list", autoStart: true, activate: watch };
  const container = { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) };
  (window._JUPYTERLAB ??= {})["course-narrow"] = container;
})();
