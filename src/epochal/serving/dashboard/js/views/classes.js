/* Precision, recall, F1 and support of every class: of one model, and one figure of all models. */
import { h, put } from "../dom.js";
import { count, figure, percent, words } from "../format.js";
import { bar, choice, classLabel, noteQuery, segments } from "../parts/controls.js";
import { classVar } from "../colours.js";
import { table } from "../parts/table.js";
import { modelsOf } from "../parts/choice.js";

const SHOWN = [
  ["precision", "Precision", "Of the epochs given this class, the share that has it"],
  ["recall", "Recall", "Of the epochs of this class, the share that was given it"],
  ["f1", "F1", "Harmonic mean of precision and recall"],
  ["kappa", "κ", "Of this class against the rest"],
  ["auroc", "AUROC", "Probability that an epoch of the class is given more of it than another"],
  ["auprc", "AUPRC", "Average precision, to be held against the prevalence"],
];

export function classes({ study, board, rows, role, query }) {
  const { names, model } = modelsOf(board, role, query.get("model"), study);
  const own = rows.filter((row) => row.role === role);
  const one = h("div"), all = h("div");
  const number = (name) => study.classes.indexOf(name);

  function drawOne(name) {
    noteQuery({ model: name });
    const columns = [
      { key: "class", label: "Class", head: true, show: (value) => classLabel(value, number(value)) },
      { key: "n_epochs", label: "Support", right: true, title: "Epochs that have this class", show: count },
      { key: "prevalence", label: "Share", right: true, show: percent },
      { key: "n_predicted", label: "Given", right: true, title: "Epochs that were given this class", show: count },
      ...SHOWN.map(([key, label, title]) => ({ key, label, title, right: true, show: (value, row) => [figure(value), key === "f1" ? bar(value, classVar(number(row.class))) : null] })),
    ];
    put(one, table({ caption: `${words(name)}, by class`, columns, rows: own.filter((row) => row.model === name) }));
  }

  function drawAll(key) {
    const columns = [{ key: "model", label: "Model", head: true, show: words }, ...study.classes.map((name) => ({ key: name, label: name, right: true, show: (value) => [figure(value), bar(value, classVar(number(name)))] }))];
    const lines = names.map((name) => ({ model: name, ...Object.fromEntries(own.filter((row) => row.model === name).map((row) => [row.class, row[key]])) }));
    put(all, table({ caption: SHOWN.find(([name]) => name === key)[2], columns, rows: lines }));
  }

  drawOne(model);
  drawAll("f1");
  return h("div", { class: "stack" },
    choice({ label: "Model", options: names, value: model, onChange: drawOne }), one,
    h("section", {}, h("div", { class: "row" }, h("h2", {}, "All models"), segments({ label: "Figure", options: SHOWN.map(([key, label, title]) => [key, label, title]), value: "f1", onChange: drawAll })), all));
}
