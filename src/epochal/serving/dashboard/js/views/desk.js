/* The desk of a review: one epoch at a time, the least certain first; every key press is kept. */
import { download, get, post } from "../api.js";
import { h, memory, put } from "../dom.js";
import { clock, percent, when, words } from "../format.js";
import { bar, classLabel, note, tag } from "../parts/controls.js";
import { classVar } from "../colours.js";
import { signalsPanel } from "../parts/signals.js";
import { timeline } from "../parts/timeline.js";

export async function desk(root, id, { signal, saySource }) {
  const at = `/api/reviews/${encodeURIComponent(id)}`;
  const [review, trail] = await Promise.all([get(at, { signal }), get(`${at}/corrections`, { signal })]);
  const { card, epochs, labels, order } = review;
  saySource(card.data_source);
  const rowOf = new Map(epochs.epoch.map((epoch, row) => [epoch, row]));
  const reviewed = new Set(review.reviewed);
  let queue = 0, row = rowOf.get(order[0]), busy = Promise.resolve();

  const who = h("input", { value: memory.get("reviewer"), maxlength: 64, size: 8, autocomplete: "off", on: { input: () => memory.set("reviewer", who.value.trim()) } });
  const told = h("div"), progress = h("div"), buttons = h("div", { class: "row classes" }), state = h("p", { class: "saved", role: "status" }), audit = h("div");
  const panel = signalsPanel(`${at}/signals`, { signal, beside: 1 });
  const codes = labels.map((label) => card.classes.indexOf(label));
  const seen = epochs.epoch.map((epoch) => reviewed.has(epoch));
  const tell = (one) => `${labels[one] || "not scored"}, ${percent(epochs.confidence[one], 0)}${seen[one] ? ", looked at" : ""}`;
  const time = timeline({
    label: "Epochs over time", epochs: { onsets: epochs.onset_s, length: card.epoch_length_s }, classes: card.classes, tell, onSelect: (one) => show(one, true),
    rows: [
      { kind: "steps", name: "Labels now", height: 84, codes },
      { kind: "areas", name: "Probability", height: 42, proba: card.classes.map((name) => epochs.proba[name]) },
      { kind: "line", name: "Confidence", height: 34, values: epochs.confidence },
      { kind: "marks", name: "Looked at", height: 12, where: seen, ink: "good" },
    ],
  });

  function show(wanted, byTime = false) {
    row = wanted;
    if (byTime) queue = order.indexOf(epochs.epoch[row]);
    else time.select(row);
    put(told, describe(row));
    put(buttons, card.classes.map((name, number) => classButton(name, number)), h("button", { type: "button", on: { click: () => give(labels[row]) }, disabled: !labels[row] }, h("kbd", {}, "↵"), "Keep"));
    put(progress, `${reviewed.size} of ${labels.length} looked at · place ${queue + 1} in the order of doubt`, bar(reviewed.size / labels.length));
    panel.show(epochs.onset_s[row], card.epoch_length_s);
  }

  function describe(one) {
    const expert = epochs.expert?.[one], flags = epochs.flags?.[one];
    return [
      h("div", { class: "row" }, h("h2", {}, `Epoch ${epochs.epoch[one]}`), h("span", { class: "muted num" }, clock(epochs.onset_s[one])),
        labels[one] ? classLabel(labels[one], card.classes.indexOf(labels[one])) : h("span", { class: "muted" }, "not scored"),
        labels[one] !== (epochs.label[one] ?? "") ? tag(`was ${epochs.label[one] || "not scored"}`, "strong") : null,
        seen[one] ? tag("looked at", "good") : null, expert ? tag(`scored by a person as ${expert}`) : null, flags ? flags.split(";").map((flag) => tag(words(flag), "warn")) : null),
      h("p", { class: "probas" }, card.classes.map((name, number) => h("span", { class: "proba" }, `${name} ${percent(epochs.proba[name][one], 0)}`, bar(epochs.proba[name][one], classVar(number))))),
    ];
  }

  const classButton = (name, number) => h("button", { type: "button", "aria-pressed": String(labels[row] === name), on: { click: () => give(name) } }, number < 9 ? h("kbd", {}, number + 1) : null, classLabel(name, number));

  const step = (by) => { queue = Math.max(0, Math.min(order.length - 1, queue + by)); show(rowOf.get(order[queue])); };

  /** Save a label and go on; entries are sent one after the other, in the order they were made. */
  function give(label) {
    if (!signed()) return;
    const one = row;
    busy = busy.then(() => save(`${at}/corrections`, { epoch: epochs.epoch[one], old: labels[one], new: label, who: who.value.trim() }, (entry) => {
      settle(one, entry.new, true);
      say(entry.old === entry.new ? `Epoch ${entry.epoch} kept as ${entry.new}` : `Epoch ${entry.epoch}: ${entry.old || "not scored"} → ${entry.new}, saved`);
    }));
    const next = order.findIndex((epoch, place) => place > queue && !reviewed.has(epoch) && epoch !== epochs.epoch[one]);
    queue = next < 0 ? queue : next;
    show(rowOf.get(order[queue]));
  }

  function undo() {
    if (!signed()) return;
    busy = busy.then(() => save(`${at}/undo`, { who: who.value.trim() }, (entry) => {
      const one = rowOf.get(entry.epoch);
      settle(one, entry.new, stillSeen(trail, entry.epoch));
      say(`Taken back: epoch ${entry.epoch} is ${entry.new || "not scored"} again`);
      queue = order.indexOf(entry.epoch);
      show(one);
    }));
  }

  async function save(path, body, after) {
    put(state, "Saving…");
    try {
      const entry = await post(path, body);
      trail.push(entry);
      after(entry);
      drawAudit();
    } catch (error) {
      state.classList.add("wrong");
      put(state, `Not saved: ${error.message}.`);
    }
  }

  function settle(one, label, isSeen) {
    labels[one] = label;
    codes[one] = card.classes.indexOf(label);
    seen[one] = isSeen;
    if (isSeen) reviewed.add(epochs.epoch[one]);
    else reviewed.delete(epochs.epoch[one]);
    time.repaint();
    put(progress, `${reviewed.size} of ${labels.length} looked at · place ${queue + 1} in the order of doubt`, bar(reviewed.size / labels.length));
    if (one === row) put(told, describe(row));
  }

  function signed() {
    if (who.value.trim()) return true;
    who.focus();
    state.classList.add("wrong");
    put(state, "Say who you are first: your initials will do.");
    return false;
  }

  const say = (text) => { state.classList.remove("wrong"); put(state, `✓ ${text}`); };
  const drawAudit = () => put(audit, auditOf(trail));
  const keys = { Enter: () => labels[row] && give(labels[row]), u: undo, z: undo, n: () => step(1), p: () => step(-1), ArrowRight: () => beside(1), ArrowLeft: () => beside(-1) };
  const beside = (by) => { const next = row + by; if (next >= 0 && next < labels.length) { show(next, true); time.select(next); } };
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    if ((event.ctrlKey || event.metaKey) && event.key !== "z") return;
    if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
    const act = /^[1-9]$/.test(event.key) ? card.classes[event.key - 1] && (() => give(card.classes[event.key - 1])) : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }, { signal });

  const saveAs = (format, text) => h("button", { type: "button", on: { click: () => download(`${at}/export?format=${format}`, `${card.id}.${format}`) } }, text);
  root.append(
    h("div", { class: "head" }, h("h1", {}, card.recording_id), h("label", { class: "field" }, "Reviewer", who), saveAs("csv", "CSV"), saveAs("edf", "EDF+"), saveAs("table", "Table")),
    h("p", { class: "muted" }, `Scored by ${words(card.model)}. Corrections are saved as you make them; the model's own labels stay in the table.`),
    h("div", { class: "desk" }, progress, told, panel, buttons,
      h("div", { class: "row" }, h("button", { type: "button", on: { click: () => step(-1) } }, "‹ Before"), h("button", { type: "button", on: { click: () => step(1) } }, "Next in doubt ›"), h("button", { type: "button", on: { click: undo } }, "Undo"), state)),
    time,
    note([h("kbd", {}, "1"), "–", h("kbd", {}, card.classes.length), " give a class, ", h("kbd", {}, "↵"), " keeps it, ", h("kbd", {}, "u"), " undoes, ", h("kbd", {}, "n"), " ", h("kbd", {}, "p"), " next and previous in doubt, ", h("kbd", {}, "←"), " ", h("kbd", {}, "→"), " the epochs beside it in time."]),
    audit);
  drawAudit();
  const first = order.findIndex((epoch) => !reviewed.has(epoch));
  queue = Math.max(0, first);
  setTimeout(() => show(rowOf.get(order[queue])));
}

/** Whether any entry about an epoch is left that was not taken back. */
function stillSeen(trail, epoch) {
  const undone = new Set(trail.map((entry) => entry.undoes).filter((number) => number !== null));
  return trail.some((entry) => entry.epoch === epoch && entry.undoes === null && !undone.has(entry.number));
}

function auditOf(trail) {
  const entries = [...trail].reverse().slice(0, 200);
  const line = (entry) => h("tr", {}, [entry.number, when(entry.at), entry.who, entry.epoch, clock(entry.onset_s), entry.old || "–", entry.new || "–", entry.undoes ? `takes back ${entry.undoes}` : entry.old === entry.new ? "kept" : ""].map((text) => h("td", {}, text)));
  const heads = ["No.", "When", "Who", "Epoch", "At", "From", "To", ""].map((text) => h("th", { scope: "col" }, text));
  return h("details", { class: "data" }, h("summary", {}, `Audit trail: ${trail.length} entries`), h("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": "Audit trail" }, h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, entries.map(line)))));
}
