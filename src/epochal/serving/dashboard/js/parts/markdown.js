/* Markdown as model cards use it, made into elements: headings, lists, tables, code, emphasis. */
import { h } from "../dom.js";

export function markdown(text) {
  const blocks = [];
  let open = null; // the block that the next line may continue: {kind, lines}
  const close = () => { if (open) blocks.push(make(open)); open = null; };
  const add = (kind, line) => {
    if (open?.kind !== kind) { close(); open = { kind, lines: [] }; }
    open.lines.push(line);
  };
  for (const line of text.split(/\r?\n/)) {
    const heading = /^(#{1,4}) (.*)/.exec(line);
    const item = /^\s*[-*] (.*)/.exec(line);
    if (heading) { close(); blocks.push(h(`h${heading[1].length}`, {}, inline(heading[2]))); }
    else if (!line.trim()) close();
    else if (item) add("list", item[1]);
    else if (line.startsWith("|")) add("table", line);
    else if (open?.kind === "list") open.lines[open.lines.length - 1] += ` ${line.trim()}`;
    else add("text", line);
  }
  close();
  return blocks;
}

function make({ kind, lines }) {
  if (kind === "list") return h("ul", {}, lines.map((line) => h("li", {}, inline(line))));
  if (kind === "table") return tableOf(lines);
  return h("p", {}, inline(lines.join(" ")));
}

function tableOf(lines) {
  const rows = lines.map((line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim())).filter((cells) => !cells.every((cell) => /^:?-+:?$/.test(cell)));
  const line = (cells, tag) => h("tr", {}, cells.map((cell) => h(tag, { class: "wrap" }, inline(cell))));
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, line(rows[0] ?? [], "th")), h("tbody", {}, rows.slice(1).map((cells) => line(cells, "td")))));
}

const inline = (text) => text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) =>
  part.startsWith("**") ? h("strong", {}, part.slice(2, -2)) : part.startsWith("`") ? h("code", {}, part.slice(1, -1)) : part);
