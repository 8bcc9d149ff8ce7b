/* Every recording by itself: what an average hides; one over time; burden of a class per subject. */
import { get } from "../api.js";
import { h, put } from "../dom.js";
import { count, figure, words } from "../format.js";
import { bar, choice, note, noteQuery } from "../parts/controls.js";
import { table } from "../parts/table.js";
import { modelsOf } from "../parts/choice.js";
import { recordingView } from "./recording.js";

export function subjects({ study, board, rows, role, query, signal }) {
  const { names, model } = modelsOf(board, role, query.get("model"), study);
  const list = h("div"), one = h("section", { "aria-live": "polite" });

  function draw(name) {
    noteQuery({ model: name });
    const own = rows.filter((row) => row.role === role && row.model === name);
    const open = (row) => look(row, own);
    const columns = [
      { key: "recording_id", label: "Recording", head: true, show: (value, row) => h("button", { type: "button", class: "link", on: { click: () => open(row) } }, value) },
      { key: "subject_id", label: "Subject" },
      { key: "kappa", label: "κ", right: true, title: "0 where a recording holds one class only", show: (value) => [figure(value), bar(value)] },
      { key: "accuracy", label: "Accuracy", right: true, show: (value) => figure(value) },
      { key: "macro_f1", label: "Macro-F1", right: true, title: "Over the classes that the recording holds", show: (value) => figure(value) },
      { key: "log_loss", label: "Log loss", right: true, show: (value) => figure(value) },
      { key: "mean_confidence", label: "Confidence", right: true, show: (value) => figure(value) },
      { key: "n_epochs", label: "Epochs", right: true, show: count },
    ];
    put(list, table({ caption: `${words(name)}: ${own.length} recordings, the worst first`, columns, rows: own, sort: ["kappa", false], tall: own.length > 14, onRow: study.has_epochs ? open : null }));
  }

  async function look(row, own) {
    if (!study.has_epochs) return put(one, note("This study's run has not written headline_epochs.csv; run its evaluation again."));
    noteQuery({ recording: row.recording_id });
    const mates = own.filter((other) => other.subject_id === row.subject_id).map((other) => other.recording_id);
    const wanted = mates.length > 60 ? [row.recording_id] : mates;
    const found = await Promise.all(wanted.map((name) => get(`/api/results/${study.study}/recordings/${encodeURIComponent(name)}`, { signal })));
    put(one, recordingView(study, row, found));
  }

  draw(model);
  const asked = rows.find((row) => row.recording_id === query.get("recording") && row.role === role && row.model === model);
  const first = asked ?? rows.filter((row) => row.role === role && row.model === model).sort((a, b) => a.kappa - b.kappa)[0];
  if (first) look(first, rows.filter((row) => row.role === role && row.model === model));
  return h("div", { class: "stack" }, choice({ label: "Model", options: names, value: model, onChange: draw }), list, one);
}
