/* The truth and every model as strips of colours, one cell per epoch, shown as far as it was played. */
import { h } from "../dom.js";
import { classColour, colour } from "../colours.js";
import { words } from "../format.js";

const TALL = 17, GAP = 4, TRUTH = 24;

export function strips(play, subject, onPick) {
  const rows = [{ name: "Truth", codes: subject.truth }, ...play.models.map(({ model }) => ({ name: words(model), codes: subject.said[model] }))];
  const n = subject.truth.length;
  const canvas = h("canvas", { role: "img", "aria-label": `What every model says of subject ${subject.subject_id}, epoch by epoch; the panel beside it tells the epoch in words` });
  const names = h("div", { class: "names" }, rows.map((row) => h("span", {}, row.name)));
  const root = h("div", { class: "strips" }, names, h("div", { class: "track" }, canvas));
  const height = TRUTH + GAP + (rows.length - 1) * (TALL + GAP);
  canvas.style.height = `${height}px`;
  let shown = -1;

  function paint() {
    const width = canvas.clientWidth, ratio = devicePixelRatio || 1;
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const inks = play.classes.map((_, code) => classColour(code));
    const [blank, page, text] = [colour("raised"), colour("page"), colour("text")];
    const x = (at) => Math.round((width * at * ratio) / n) / ratio;
    rows.forEach((row, number) => {
      const top = number ? TRUTH + GAP + (number - 1) * (TALL + GAP) : 0, tall = number ? TALL : TRUTH;
      context.fillStyle = blank;
      context.fillRect(0, top, width, tall);
      row.codes.forEach((code, at) => {
        if (at > shown) return;
        const differs = number && code !== subject.truth[at];
        context.fillStyle = inks[code] ?? blank;
        context.fillRect(x(at), top, x(at + 1) - x(at), tall);
        if (!differs) return;
        context.fillStyle = page; // a notch at the foot, to be seen in any colour
        context.fillRect(x(at), top + tall - 5, x(at + 1) - x(at), 5);
        context.fillStyle = text;
        context.fillRect(x(at), top + tall - 3, x(at + 1) - x(at), 3);
      });
    });
    if (shown >= 0 && shown < n) {
      context.strokeStyle = text;
      context.strokeRect(x(shown), 0.5, Math.max(2, x(shown + 1) - x(shown)), height - 1);
    }
  }

  root.reveal = (at) => {
    const next = Math.min(at, n);
    if (next === shown) return;
    shown = next;
    paint();
  };
  canvas.addEventListener("click", (event) => onPick(Math.min(n - 1, Math.floor((n * (event.clientX - canvas.getBoundingClientRect().left)) / canvas.clientWidth))));
  new ResizeObserver(paint).observe(canvas);
  document.addEventListener("themechange", () => root.isConnected && paint());
  return root;
}
