/* Accuracy in each task of a protocol: where the errors are, and the false alarms at rest. */
import { h } from "../dom.js";
import { percent, words } from "../format.js";
import { bar, note } from "../parts/controls.js";
import { table } from "../parts/table.js";

export function tasks({ study, rows, role }) {
  const own = rows.filter((row) => row.role === role);
  const named = [...new Map(own.map((row) => [row.task, row])).values()];
  const lines = [...new Set(own.map((row) => row.model))].map((model) => ({ model, ...Object.fromEntries(own.filter((row) => row.model === model).map((row) => [row.task, row.accuracy])) }));
  const columns = [
    { key: "model", label: "Model", head: true, show: words },
    ...named.map(({ task, label, n_epochs }) => ({ key: task, label: `${words(task)} (${label})`, right: true, title: `${n_epochs} epochs`, show: (value) => [percent(value), bar(value)] })),
  ];
  return h("div", {}, table({ caption: "Share of each task's epochs that are right; in brackets what its epochs are labelled", columns, rows: lines }),
    note(`In tasks labelled ${study.classes[0]}, what is missing to 100 % are false alarms.`));
}
