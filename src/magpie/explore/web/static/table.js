// The rows that match, page by page: a table, and on a narrow screen cards.

import { el, line, replace } from "./dom.js";
import { labelText, short, whole } from "./format.js";
import { PAGE, change, state } from "./state.js";

const USUAL = ["status", "input_quality", "difficulty", "task_category", "language", "instruct_reward", "response_characters"];
const MOST_USUAL = 5;

export function shownColumns(about) {
  const known = new Map(about.fields.map(field => [field.name, field]));
  const several = about.runs.length > 1 ? ["run"] : [];
  const names = state.columns ? [...state.columns] : [...several, ...USUAL.filter(name => known.has(name)).slice(0, MOST_USUAL)];
  if (state.sort && !names.includes(state.sort)) names.push(state.sort);
  return names.filter(name => known.has(name)).map(name => known.get(name));
}

export function drawTable(place, about, page) {
  const columns = shownColumns(about);
  const last = Math.min(page.matching, state.offset + page.rows.length);
  const at = `${page.matching ? whole(state.offset + 1) : 0}\u2013${whole(last)} of ${whole(page.matching)}`;
  const bar = el("div", { class: "table-bar" },
    el("span", { class: "dim", id: "page", text: at }),
    el("button", { type: "button", class: "quiet", id: "before", "aria-label": "Previous page", disabled: state.offset === 0, on: { click: () => turnPage(-1, page) } }, "\u2039", el("span", { class: "word", text: " Previous" })),
    el("button", { type: "button", class: "quiet", id: "after", "aria-label": "Next page", disabled: last >= page.matching, on: { click: () => turnPage(1, page) } }, el("span", { class: "word", text: "Next " }), "\u203a"),
    sorting(about), picker(about, columns));
  const head = el("tr", {}, header("row", "Row", "number"), el("th", { class: "text", text: "Instruction" }),
    ...columns.map(field => header(field.name, field.title, field.kind === "numbers" ? "number" : "text")));
  const rows = page.rows.map(row => el("tr", {
    data: { at: row.at }, tabindex: "0", "aria-selected": String(isOpen(row)), class: isOpen(row) ? "open" : null,
    on: { click: () => openRow(row), keydown: event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); openRow(row); } } },
  },
  el("td", { class: "number dim", text: row.row }),
  el("td", { class: "preview" }, row.preview ? line(row.preview) : el("span", { class: "dim", text: "no instruction" })),
  ...columns.map(field => cell(field, row.values[field.name]))));
  const empty = page.rows.length ? null : el("p", { class: "empty", text: state.filters.length ? "No row matches all filters." : "There are no rows yet." });
  const scrolled = place.querySelector(".scroll")?.scrollLeft ?? 0;
  replace(place, bar, el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)), empty));
  place.querySelector(".scroll").scrollLeft = scrolled;
}

const isOpen = row => state.row !== null && state.row[0] === row.run && state.row[1] === row.row;
export const openRow = row => change({ row: [row.run, row.row], tab: "row" });

export function turnPage(by, page) {
  const offset = Math.max(0, state.offset + by * PAGE);
  if (offset !== state.offset && offset < page.matching) change({ offset });
}

function header(name, title, style) {
  const sorted = (state.sort ?? "row") === name;
  const act = () => change({ sort: name, descending: sorted ? !state.descending : style === "number" && name !== "row" });
  return el("th", { class: style, "aria-sort": sorted ? (state.descending ? "descending" : "ascending") : null },
    el("button", { type: "button", class: "sort", on: { click: act } }, line(title), sorted ? el("span", { class: "arrow", text: state.descending ? "\u2193" : "\u2191" }) : null));
}

function cell(field, value) {
  if (value === null || value === undefined) return el("td", { class: `dim ${field.kind === "numbers" ? "number" : "text"}`, data: { title: field.title } });
  if (field.kind === "numbers") return el("td", { class: "number", data: { title: field.title }, text: short(value) });
  return el("td", { class: `text value is-${field.name}`, data: { title: field.title, value: field.name === "status" ? value : "" } }, line(labelText(value), 60));
}

// On a narrow screen there is no header to click on.
function sorting(about) {
  const select = el("select", { "aria-label": "Sort by", class: "narrow" }, el("option", { value: "row", text: "Sort: row" }),
    ...about.fields.flatMap(field => [["-", "\u2193"], ["", "\u2191"]].map(([sign, arrow]) => el("option", { value: sign + field.name, text: `${field.title} ${arrow}` }))));
  select.value = state.sort ? (state.descending ? "-" : "") + state.sort : "row";
  select.addEventListener("change", () => change({ sort: select.value.replace(/^-/, ""), descending: select.value.startsWith("-") }));
  return select;
}

function picker(about, columns) {
  const chosen = new Set(columns.map(field => field.name));
  const boxes = about.fields.map(field => {
    const box = el("input", { type: "checkbox", checked: chosen.has(field.name) });
    box.addEventListener("change", () => {
      box.checked ? chosen.add(field.name) : chosen.delete(field.name);
      change({ columns: about.fields.map(each => each.name).filter(name => chosen.has(name)) });
      document.querySelector("#table details.columns").open = true;
    });
    return el("label", {}, box, line(field.title));
  });
  return el("details", { class: "columns" }, el("summary", { text: "Columns" }), el("div", { class: "menu" }, ...boxes));
}
