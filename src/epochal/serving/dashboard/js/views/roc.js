/* How well each class is told from the rest, whatever the threshold. */
import { h, put } from "../dom.js";
import { className } from "../colours.js";
import { figure, words } from "../format.js";
import { chart } from "../parts/chart.js";
import { choice, classLabel, noteQuery } from "../parts/controls.js";
import { table } from "../parts/table.js";
import { modelsOf } from "../parts/choice.js";

export function roc({ study, board, rows, role, query }) {
  const { names, model } = modelsOf(board, role, query.get("model"), study);
  const place = h("div");

  function draw(name) {
    noteQuery({ model: name });
    const own = rows.filter((row) => row.role === role && row.model === name);
    const curves = study.classes.map((one, number) => ({ name: one, number, points: own.filter((row) => row.class === one) })).filter((one) => one.points.length);
    put(place, h("div", { class: "split" }, drawing(curves, name), listed(curves, name)));
  }

  draw(model);
  return h("div", { class: "stack" }, choice({ label: "Model", options: names, value: model, onChange: draw }), place);
}

function drawing(curves, name) {
  const x = Array.from({ length: 101 }, (_, at) => at / 100);
  const series = [
    ...curves.map((one) => ({ label: one.name, values: x.map((at) => rateAt(one.points, at)), colour: className(one.number) })),
    { label: "chance", values: x, colour: "muted", dash: [4, 4], width: 1 },
  ];
  return chart({ label: `ROC curves of ${words(name)}, one per class`, x, series, height: 420, square: true, xLabel: "False-positive rate", yLabel: "True-positive rate", xRange: [0, 1], yRange: [0, 1] });
}

/** The true-positive rate at a false-positive rate, between the two nearest points. */
function rateAt(points, at) {
  const after = points.findIndex((one) => one.false_positive_rate >= at);
  if (after < 0) return 1;
  const high = points[after], low = points[Math.max(0, after - 1)];
  if (high.false_positive_rate === at) return Math.max(...points.filter((one) => one.false_positive_rate === at).map((one) => one.true_positive_rate));
  const share = (at - low.false_positive_rate) / (high.false_positive_rate - low.false_positive_rate || 1);
  return low.true_positive_rate + share * (high.true_positive_rate - low.true_positive_rate);
}

function listed(curves, name) {
  const rows = curves.map(({ name: one, number, points }) => ({ class: one, number, auc: area(points), tpr: rateAt(points, 0.05), fpr: falseAt(points, 0.9) }));
  const columns = [
    { key: "class", label: "Class", head: true, show: (value, row) => classLabel(value, row.number) },
    { key: "auc", label: "AUROC", right: true, show: (value) => figure(value) },
    { key: "tpr", label: "Found at 5 % false alarms", right: true, show: (value) => figure(value, 2) },
    { key: "fpr", label: "False alarms to find 90 %", right: true, show: (value) => figure(value, 2) },
  ];
  return table({ caption: `${words(name)}: each class against the rest (from the drawn points)`, columns, rows });
}

const area = (points) => points.slice(1).reduce((sum, one, at) => sum + ((one.false_positive_rate - points[at].false_positive_rate) * (one.true_positive_rate + points[at].true_positive_rate)) / 2, 0);

const falseAt = (points, wanted) => points.find((one) => one.true_positive_rate >= wanted)?.false_positive_rate ?? null;
