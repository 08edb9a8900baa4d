const here = document.currentScript?.closest(".course-alt");
const area = here?.closest(".jp-OutputArea, .output_area, .cell");
// on a narrow page a wide figure is pushed aside: shrunk any further its words can't be read
const READABLE = 0.85;
const widen = image => {
  const frame = image.parentElement, whole = Number(image.getAttribute("width"));
  if (!whole || !frame) return;
  image.style.minWidth = `${Math.round(READABLE * whole)}px`;
  frame.style.overflowX = "auto";
  keysOf(frame);
  // only what can be pushed aside is stopped at by Tab, and has a use for the arrows
  new ResizeObserver(() => {
    const wide = frame.scrollWidth > frame.clientWidth;
    for (const [name, value] of [["tabindex", "0"], ["data-lm-suppress-shortcuts", "true"]])
      if (wide) frame.setAttribute(name, value); else frame.removeAttribute(name);
  }).observe(frame);
};
let tries = 0;
const give = () => {
  // the picture is the last one before this description; it may still be on its way
  const before = [...area.querySelectorAll("img")].filter(
    image => here.compareDocumentPosition(image) & Node.DOCUMENT_POSITION_PRECEDING);
  const image = before.pop();
  if (image) {
    image.alt = here.dataset.alt;
    const line = here.closest(".jp-OutputArea-child") ?? here;
    line.style.display = "none";
    widen(image);
  } else if (tries++ < 20) {
    setTimeout(give, 100);
  }
};
if (here) keysOf(here);
if (area) give();
