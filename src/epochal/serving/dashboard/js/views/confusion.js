/* Which classes are taken for which: counts and row shares of one model, truth in rows. */
import { h, put } from "../dom.js";
import { count, percent, words } from "../format.js";
import { choice, classLabel, noteQuery } from "../parts/controls.js";
import { modelsOf } from "../parts/choice.js";

export function confusion({ study, board, rows, role, query }) {
  const { names, model } = modelsOf(board, role, query.get("model"), study);
  const place = h("div");

  function draw(name) {
    noteQuery({ model: name });
    put(place, matrix(study.classes, rows.filter((row) => row.role === role && row.model === name), words(name)));
  }

  draw(model);
  return h("div", { class: "stack" }, choice({ label: "Model", options: names, value: model, onChange: draw }), place);
}

/** A confusion table; `rows` have truth, said and n_epochs. */
export function matrix(classes, rows, name) {
  const found = new Map(rows.map((row) => [`${row.truth}\n${row.said}`, row.n_epochs]));
  const at = (truth, said) => found.get(`${truth}\n${said}`) ?? 0;
  const body = classes.map((truth, number) => {
    const total = classes.reduce((sum, said) => sum + at(truth, said), 0);
    const cells = classes.map((said) => cell(at(truth, said), total, truth === said));
    return h("tr", {}, h("th", { scope: "row" }, classLabel(truth, number)), cells, h("td", { class: "r muted" }, count(total)));
  });
  const heads = classes.map((said, number) => h("th", { scope: "col", class: "r" }, classLabel(said, number)));
  const corner = h("th", {}, "True ↓ given →");
  return h("div", { class: "scroll" }, h("table", { class: "matrix" },
    h("caption", {}, `${name}: how many epochs of each true class were given which class, and the share of the row`),
    h("thead", {}, h("tr", {}, corner, heads, h("th", { scope: "col", class: "r" }, "Epochs"))), h("tbody", {}, body)));
}

function cell(number, total, isHit) {
  const share = total ? number / total : 0;
  return h("td", { class: `r ${isHit ? "hit" : "miss"}`, vars: { "--share": share } }, h("b", {}, total ? percent(share, 0) : "–"), h("small", {}, count(number)));
}
