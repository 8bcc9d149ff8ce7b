/* A table that can be sorted by its headings; numbers to the right, what is missing last. */
import { announce, h, put } from "../dom.js";

/**
 * `columns`: {key, label, title, show(value, row), right, wrap, head}; `sort`: [key, descending].
 * `rowProps(row)` may give a row a class; `onRow(row)` makes rows links for the mouse: the
 * keyboard's way is a link or button that a column shows.
 */
export function table({ caption, columns, rows, sort = null, rowProps = () => ({}), onRow = null, tall = false }) {
  const body = h("tbody");
  const heads = columns.map((column) => heading(column, (key) => turn(key)));
  let order = sort;

  function turn(key) {
    const descending = order?.[0] === key ? !order[1] : columns.find((one) => one.key === key).right === true;
    order = [key, descending];
    draw();
    announce(`Sorted by ${columns.find((one) => one.key === key).label}, ${descending ? "descending" : "ascending"}`);
  }

  function draw() {
    columns.forEach((column, place) => {
      if (column.sort === false) return;
      const isKey = order?.[0] === column.key;
      heads[place].setAttribute("aria-sort", isKey ? (order[1] ? "descending" : "ascending") : "none");
    });
    put(body, sorted(rows, order).map((row) => line(row, columns, rowProps(row), onRow)));
  }

  draw();
  const made = h("table", {}, caption && h("caption", {}, caption), h("thead", {}, h("tr", {}, heads)), body);
  return h("div", { class: `scroll${tall ? " tall" : ""}`, tabindex: tall ? 0 : null, role: tall ? "region" : null, "aria-label": tall ? caption : null }, made);
}

function heading(column, turn) {
  const label = column.sort === false ? column.label : h("button", { type: "button", on: { click: () => turn(column.key) } }, column.label);
  return h("th", { scope: "col", class: column.right ? "r" : null, title: column.title }, label);
}

function line(row, columns, props, onRow) {
  const cells = columns.map((column) => {
    const shown = column.show ? column.show(row[column.key], row) : row[column.key] ?? "–";
    const kind = column.head ? "th" : "td";
    const named = [column.right && "r", column.wrap && "wrap"].filter(Boolean).join(" ");
    return h(kind, { class: named || null, scope: column.head ? "row" : null }, shown);
  });
  const listen = onRow ? { click: (event) => event.target.closest("a, button") || onRow(row) } : {};
  const { class: own = "", ...rest } = props;
  return h("tr", { ...rest, class: `${own}${onRow ? " link" : ""}`.trim() || null, on: listen }, cells);
}

function sorted(rows, order) {
  if (!order) return rows;
  const [key, descending] = order;
  const missing = (value) => value === null || value === undefined || value === "";
  return [...rows].sort((one, two) => {
    const [a, b] = [one[key], two[key]];
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const by = typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
    return descending ? -by : by;
  });
}

/** Rows of a service's table `{columns, rows}` as objects. */
export const objects = ({ columns, rows }) =>
  rows.map((row) => Object.fromEntries(columns.map((name, place) => [name, row[place]])));
