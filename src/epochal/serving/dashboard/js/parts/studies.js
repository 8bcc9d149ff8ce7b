/* The studies that have results, and the control that chooses among them. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { memory } from "../dom.js";
import { words } from "../format.js";
import { address, choice, empty } from "./controls.js";

/** Return the studies of which `has` is true, and the one that is named or was last looked at. */
export async function chooseStudy(name, has = () => true, options = {}) {
  const studies = (await get("/api/results", options)).filter(has);
  const last = memory.get("study");
  const study = studies.find((one) => one.study === name) ?? studies.find((one) => one.study === last) ?? studies[0] ?? null;
  if (study) memory.set("study", study.study);
  return { studies, study };
}

export const studyChoice = (view, studies, study, rest = []) =>
  choice({ label: "Study", options: studies.map((one) => [one.study, words(one.study)]), value: study.study, onChange: (name) => { location.hash = address(view, [name, ...rest]); } });

/** What stands there when no study has run yet. */
export const nothingYet = (what) =>
  empty(h("p", {}, `No ${what} yet in the service's results folder.`), h("p", {}, "Run a study, such as ", h("code", {}, "make demo"), " or ", h("code", {}, "epochal run --env demo"), ", and point ", h("code", {}, "EPOCHAL_SERVE_RESULTS_FOLDER"), " at its ", h("code", {}, "data"), " folder."));
