/* What each model is worth: the leaderboard, and what lies behind its figures. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { address, head, note, roleChoice, tabs } from "../parts/controls.js";
import { objects } from "../parts/table.js";
import { chooseStudy, noStudy, studyChoice } from "../parts/studies.js";
import { leaderboard } from "./leaderboard.js";
import { classes } from "./classes.js";
import { calibration } from "./calibration.js";
import { confusion } from "./confusion.js";
import { roc } from "./roc.js";
import { subjects } from "./subjects.js";
import { tasks } from "./tasks.js";

const PARTS = {
  leaderboard: ["Leaderboard", leaderboard, "leaderboard"],
  classes: ["Classes", classes, "results_by_class"],
  calibration: ["Calibration", calibration, "calibration"],
  confusion: ["Confusion", confusion, "confusions"],
  roc: ["ROC", roc, "roc"],
  subjects: ["Subjects", subjects, "results_by_recording"],
  tasks: ["Tasks", tasks, "results_by_task"],
};

export async function show(root, { args, query, signal, saySource }) {
  const { studies, study } = await chooseStudy(args[0], (one) => one.tables.includes("leaderboard"), { signal });
  if (!study) return root.append(head("Models"), noStudy("models", "leaderboard", args[0], studies));
  const part = args[1] in PARTS ? args[1] : "leaderboard";
  const board = objects(await get(`/api/results/${study.study}/tables/leaderboard`, { signal }));
  const role = board.some((row) => row.role === query.get("role")) ? query.get("role") : "oof";
  saySource(study.data_source);
  const keep = { role: role === "oof" ? "" : role, model: query.get("model") };
  const go = (changes) => { location.hash = address("models", [study.study, part], { ...keep, ...changes }); };
  const links = Object.entries(PARTS).filter(([key]) => key !== "tasks" || study.tables.includes("results_by_task")).map(([key, [text]]) => [key, text, address("models", [study.study, key], keep)]);
  root.append(
    head("Models", studyChoice("models", studies, study, [part]), roleChoice(board, role, (value) => go({ role: value === "oof" ? "" : value }))),
    caveats(study),
    tabs("Parts of the results", links, part),
    await drawn(part, { study, board, role, query, signal, go }),
  );
}

const caveats = (study) =>
  h("div", {}, study.caveats.map((text) => note(text, "warn")), study.subjects_known ? null : note("Subjects are not known here: intervals are too narrow.", "warn"));

async function drawn(part, given) {
  const [, draw, table] = PARTS[part];
  if (!given.study.tables.includes(table)) return note(`This study's run has not written ${table}.csv; run its evaluation again.`);
  const rows = part === "leaderboard" ? given.board : objects(await get(`/api/results/${given.study.study}/tables/${table}`, { signal: given.signal }));
  return draw({ ...given, rows });
}
