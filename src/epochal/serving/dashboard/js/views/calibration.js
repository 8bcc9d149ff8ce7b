/* Whether probabilities are right: curves of headline and stack, figures of every model. */
import { get } from "../api.js";
import { h, put } from "../dom.js";
import { figure, percent, words } from "../format.js";
import { chart } from "../parts/chart.js";
import { choice, note } from "../parts/controls.js";
import { objects, table } from "../parts/table.js";

const CHOSEN = "(chosen class)";

export async function calibration({ study, rows, role, signal, query }) {
  const figures = rows.filter((row) => row.role === role);
  const curves = study.tables.includes("reliability") ? objects(await get(`/api/results/${study.study}/tables/reliability`, { signal })).filter((row) => row.role === role) : [];
  const models = [...new Set(curves.map((row) => row.model))];
  const names = [CHOSEN, ...study.classes];
  let name = CHOSEN, model = models.includes(query.get("model")) ? query.get("model") : models.includes(study.headline) ? study.headline : models[0];
  const left = h("div"), right = h("div");

  function draw() {
    put(left, models.length ? curve() : note("This run wrote no reliability curves."));
    put(right, summary());
  }

  function curve() {
    const own = curves.filter((row) => row.model === model && row.class === name);
    const known = own.some((row) => row.observed_low !== null);
    const band = known ? [own.map((row) => row.observed_low), own.map((row) => row.observed_high)] : undefined;
    const x = [0, ...own.map((row) => row.mean_proba), 1];
    const pad = (values) => [null, ...values, null];
    const series = [
      { label: "perfect", values: x, colour: "muted", dash: [4, 4], width: 1 },
      { label: "observed", values: pad(own.map((row) => row.observed)), colour: "accent", points: true, band: band?.map(pad) },
    ];
    const label = `Reliability of ${words(model)}, ${name}: share observed against mean probability`;
    return [chart({ label, x, series, height: 380, square: true, xLabel: "Mean probability given", yLabel: "Share that came true", xRange: [0, 1], yRange: [0, 1] }), note("The band is the 95 % interval over subjects. Below the dashed line the model is too sure.")];
  }

  function summary() {
    const columns = [
      { key: "model", label: "Model", head: true, show: words },
      { key: "ece", label: "ECE", right: true, title: "15 equal bins", show: (value) => figure(value) },
      { key: "adaptive_ece", label: "Adaptive ECE", right: true, title: "15 bins of equally many epochs", show: (value) => figure(value) },
      { key: "brier", label: "Brier", right: true, show: (value) => figure(value) },
      { key: "mean_proba", label: "Given", right: true, title: "Mean probability that was given", show: percent },
      { key: "prevalence", label: "True", right: true, title: "Share that came true", show: percent },
    ];
    return table({ caption: `Every model, ${name}`, columns, rows: figures.filter((row) => row.class === name), sort: ["ece", false] });
  }

  draw();
  return h("div", { class: "stack" },
    h("div", { class: "row" },
      models.length ? choice({ label: "Curve of", options: models, value: model, onChange: (value) => { model = value; draw(); } }) : null,
      choice({ label: "Event", options: names.map((one) => [one, one === CHOSEN ? "the chosen class" : one]), value: name, onChange: (value) => { name = value; draw(); } })),
    h("div", { class: "split" }, left, right));
}
