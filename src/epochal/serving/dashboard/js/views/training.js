/* Training as it goes: loss, agreement and learning rate, from the curves that trainers write. */
import { get } from "../api.js";
import { every, h, put } from "../dom.js";
import { figure, lasting, words } from "../format.js";
import { className } from "../colours.js";
import { chart } from "../parts/chart.js";
import { choice, head, note, noteQuery, tag } from "../parts/controls.js";
import { table } from "../parts/table.js";
import { chooseStudy, noStudy, studyChoice } from "../parts/studies.js";

const PANELS = [
  ["Loss", [["train_loss", "training", false], ["val_loss", "validation", true]], 4],
  ["κ and accuracy on validation rows (used to choose: no performance)", [["val_kappa", "κ", false], ["val_accuracy", "accuracy", true]], 3],
  ["Learning rate", [["learning_rate", "", false]], 6],
];

export async function show(root, { args, query, signal, saySource }) {
  const { studies, study } = await chooseStudy(args[0], (one) => one.has_training, { signal });
  if (!study) return root.append(head("Training"), noStudy("training", "training", args[0], studies));
  saySource(study.data_source);
  const runs = new Map();
  let model = query.get("model"), newest = 0, drawn = [];
  const charts = h("div", { class: "stack" }), list = h("div"), state = h("span", { role: "status" }), picker = h("span");

  async function look() {
    const found = await get(`/api/results/${study.study}/training?since=${newest}`, { signal });
    for (const run of found) {
      runs.set(`${run.model}/${run.part}`, run);
      newest = Math.max(newest, run.changed_at);
    }
    const live = [...runs.values()].filter((run) => Date.now() / 1000 - run.changed_at < 60);
    put(state, live.length ? tag(`training now: ${live.map((run) => `${words(run.model)} ${words(run.part)}`).join(", ")}`, "good") : tag("nothing is training now"));
    if (found.length) draw();
  }

  function draw() {
    const models = [...new Set([...runs.values()].map((run) => run.model))];
    if (!models.includes(model)) model = [...runs.values()].sort((one, two) => two.changed_at - one.changed_at)[0].model;
    put(picker, choice({ label: "Model", options: models, value: model, onChange: (value) => { model = value; noteQuery({ model }); drawn = []; draw(); } }));
    const parts = [...runs.values()].filter((run) => run.model === model).sort((one, two) => one.part.localeCompare(two.part, "en", { numeric: true }));
    const longest = Math.max(...parts.map((run) => run.table.rows.length));
    const x = Array.from({ length: longest }, (_, at) => at + 1);
    const panels = PANELS.map(([title, lines, digits]) => [title, seriesOf(parts, lines, longest), digits]).filter(([, series]) => series.length);
    if (drawn.length !== panels.length) {
      drawn = panels.map(([title, series, digits]) => chart({ label: `${title} of ${words(model)}`, x, series, digits, height: 240, whole: true, xLabel: "Pass over the training rows" }));
      put(charts, parts.length > 7 ? h("p", { class: "muted small" }, "A line for each part; the refit in black or white, validation dashed. Numbers below.") : null, panels.map(([title], at) => h("section", {}, h("h2", {}, title), drawn[at])));
    } else panels.forEach(([, series], at) => drawn[at].update(x, series));
    put(list, listed(parts));
  }

  root.append(head("Training", studyChoice("training", studies, study), picker), h("p", {}, state), charts, list,
    note("Read once a second from what the trainer writes beside its checkpoints; no tracking server is needed. A validation figure that chooses when to stop is a selection score."));
  await look();
  every(1000, signal, () => look().catch((error) => { if (error.name !== "AbortError") put(state, tag(error.message, "warn")); }));
}

function seriesOf(parts, lines, longest) {
  return parts.flatMap((run, number) => lines.flatMap(([key, label, dashed]) => {
    const place = run.table.columns.indexOf(key);
    const values = run.table.rows.map((row) => row[place] ?? null);
    if (place < 0 || values.every((value) => value === null)) return [];
    const padded = [...values, ...Array(longest - values.length).fill(null)];
    const ink = parts.length > 7 ? (run.part === "refit" ? "text" : dashed ? "class-4" : "class-1") : className(number);
    return [{ label: [words(run.part), label].filter(Boolean).join(" "), values: padded, colour: ink, dash: dashed ? [5, 3] : undefined, width: 1.5, points: values.length < 3 }];
  }));
}

function listed(parts) {
  const rows = parts.map((run) => {
    const at = (key) => run.table.rows.map((row) => row[run.table.columns.indexOf(key)]).filter((value) => value !== null && value !== undefined);
    const last = (key) => at(key).at(-1) ?? null;
    return { part: run.part, passes: run.table.rows.length, loss: last("train_loss"), val: last("val_loss"), best: at("val_kappa").length ? Math.max(...at("val_kappa")) : null, seconds: last("seconds"), live: Date.now() / 1000 - run.changed_at < 60 };
  });
  const columns = [
    { key: "part", label: "Part", head: true, show: words },
    { key: "passes", label: "Passes", right: true },
    { key: "loss", label: "Training loss", right: true, show: (value) => figure(value, 4) },
    { key: "val", label: "Validation loss", right: true, show: (value) => figure(value, 4) },
    { key: "best", label: "Best validation κ", right: true, show: (value) => figure(value) },
    { key: "seconds", label: "Took", right: true, show: lasting },
    { key: "live", label: "State", show: (value) => (value ? tag("live", "good") : tag("still")) },
  ];
  return table({ caption: "Trainings of this model", columns, rows, tall: rows.length > 12 });
}
