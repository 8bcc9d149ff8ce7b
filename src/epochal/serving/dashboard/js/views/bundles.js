/* The bundles that answer, how good they are, and their model cards. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { count, figure, words } from "../format.js";
import { tag } from "../parts/controls.js";
import { markdown } from "../parts/markdown.js";
import { table } from "../parts/table.js";

export function bundlesSection(bundles, signal) {
  const rows = bundles.map((one) => ({ ...one, kappa: one.metrics.kappa ?? null, n_subjects: one.metrics.n_subjects ?? null }));
  const columns = [
    { key: "name", label: "Bundle", head: true },
    { key: "study", label: "Study", show: words },
    { key: "headline", label: "Model", show: words },
    { key: "kappa", label: "κ", right: true, title: "As its own figures say; see the card", show: (value) => figure(value) },
    { key: "n_subjects", label: "Subjects", right: true, show: count },
    { key: "classes", label: "Classes", wrap: true, sort: false, show: (value) => value.join(", ") },
    { key: "required_channels", label: "Needs", wrap: true, sort: false, show: (value) => value.join(", ") || "–" },
    { key: "causal", label: "Causal", show: (value) => (value ? tag("causal", "good") : tag("looks ahead")) },
    { key: "data_source", label: "Trained on", show: (value) => tag(value, value === "real" ? "" : "warn") },
    { key: "card", label: "", sort: false, show: (_, row) => h("button", { type: "button", on: { click: () => showCard(row.name, signal) } }, "Model card") },
  ];
  return table({ columns, rows });
}

async function showCard(name, signal) {
  const { card } = await get(`/api/bundle?name=${encodeURIComponent(name)}`, { signal });
  const dialog = h("dialog", { "aria-label": `Model card of ${name}` }, h("div", { class: "prose", tabindex: -1, autofocus: true }, markdown(card)),
    h("form", { method: "dialog" }, h("div", {}, h("button", {}, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  signal.addEventListener("abort", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
