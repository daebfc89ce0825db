// One row: its conversation as a chat, its pair word by word, all its columns, its nearest neighbors.

import { copyButton, el, line, replace, shown } from "./dom.js";
import { labelText, short, whole } from "./format.js";
import { openRow } from "./table.js";
import { change } from "./state.js";

const LONG = 12_000;
const TOLD = ["input_quality", "difficulty", "task_category", "language", "safety", "instruct_reward", "reward_difference"];

export function drawRow(place, about, row, moves) {
  place.scrollTop = 0;
  replace(place, head(about, row, moves), facts(about, row),
    el("div", { class: "chat" }, ...row.turns.map(turn)), row.pair && pair(row.pair), neighbors(row, about), columns(row));
}

export function drawNoRow(place) {
  replace(place, el("p", { class: "empty", text: "Click a row, or a point of the map, to read its conversation." }));
}

function head(about, row, moves) {
  const status = row.values.status;
  const why = value(row, "drop_reason") ?? value(row, "error");
  const by = value(row, "dropped_by");
  return el("div", { class: "row-head" },
    el("div", { class: "row-name" },
      el("h2", {}, line(row.id, 120)),
      el("span", { class: `fate is-${status}`, text: status })),
    el("div", { class: "row-moves" },
      el("button", { type: "button", class: "quiet", title: "Previous row (K)", "aria-label": "Previous row", text: "\u2191", on: { click: () => moves(-1) } }),
      el("button", { type: "button", class: "quiet", title: "Next row (J)", "aria-label": "Next row", text: "\u2193", on: { click: () => moves(1) } }),
      copyButton(() => location.href, "Copy link"),
      el("button", { type: "button", class: "quiet close", title: "Close (Esc)", "aria-label": "Close", text: "\u00d7", on: { click: () => change({ row: null, tab: "table" }) } })),
    why !== undefined && el("p", { class: "why" }, by ? `${by}: ` : null, shown(String(why))));
}

const value = (row, name) => row.columns.find(column => column.name === name)?.value ?? undefined;

function facts(about, row) {
  const known = new Map(about.fields.map(field => [field.name, field]));
  const found = TOLD.filter(name => row.values[name] !== null && row.values[name] !== undefined);
  if (!found.length) return null;
  return el("dl", { class: "row-facts" }, ...found.map(name => el("div", {},
    el("dt", {}, line(known.get(name).title)),
    el("dd", {}, typeof row.values[name] === "number" ? short(row.values[name]) : line(labelText(row.values[name]), 80)))));
}

function turn(given) {
  const thought = given.reasoning && el("details", { class: "reasoning" },
    el("summary", {}, "Reasoning ", el("span", { class: "dim", text: `${whole(given.reasoning.length)} characters` })),
    el("div", { class: "body" }, long(given.reasoning)));
  const role = ["user", "assistant", "system"].includes(given.role) ? given.role : "other";
  return el("article", { class: `turn is-${role}` }, el("p", { class: "role" }, line(given.role, 40)), thought,
    el("div", { class: "body" }, given.content ? long(given.content) : el("span", { class: "dim", text: "empty" })));
}

// A text; of a very long one the beginning, and a button for the rest.
function long(text) {
  if (text.length <= LONG) return shown(text);
  const rest = el("span", {});
  const button = el("button", { type: "button", class: "quiet", text: `Show ${whole(text.length - LONG)} more characters` });
  button.addEventListener("click", () => replace(rest, shown(text.slice(LONG))));
  rest.append(button);
  return el("span", {}, shown(text.slice(0, LONG)), rest);
}

function pair(given) {
  const side = (name, mark) => el("article", { class: `side is-${name}` },
    el("p", { class: "role" }, name, given[name].reward !== null ? ` \u00b7 reward ${short(given[name].reward)}` : null,
      given[name].model ? el("span", { class: "dim" }, " \u00b7 ", line(given[name].model, 60)) : null),
    el("div", { class: "body" }, ...given[name].pieces.map(([text, own]) => (own ? el(mark, {}, shown(text)) : shown(text)))));
  return el("section", { class: "pair" }, el("h3", { text: "Chosen and rejected" }), el("div", { class: "sides" }, side("chosen", "ins"), side("rejected", "del")));
}

function neighbors(row, about) {
  if (!row.neighbors.length) return null;
  return el("section", {}, el("h3", { text: "Nearest neighbors" }), el("ol", { class: "neighbors" }, ...row.neighbors.map(each => el("li", {},
    el("button", { type: "button", on: { click: () => openRow(each) } },
      el("span", { class: "dim id", text: about.runs.length > 1 ? each.id : String(each.row) }), each.preview ? line(each.preview, 200) : el("span", { class: "dim", text: "no instruction" }))))));
}

function columns(row) {
  if (!row.columns.length) return null;
  return el("section", {}, el("h3", { text: "All columns" }), el("dl", { class: "all-columns" }, ...row.columns.map(column => el("div", {},
    el("dt", { title: column.about || null }, line(column.name, 80)), el("dd", {}, told(column.value))))));
}

function told(given) {
  if (typeof given === "string") return given.length > 400 ? el("details", {}, el("summary", {}, line(given, 160)), el("div", { class: "body" }, long(given))) : shown(given);
  if (typeof given === "number") return Number.isInteger(given) ? String(given) : String(Number(given.toPrecision(6)));
  if (typeof given === "boolean") return String(given);
  if (Array.isArray(given) && given.every(each => typeof each === "string")) return given.length ? shown(given.join(", ")) : el("span", { class: "dim", text: "none" });
  const text = JSON.stringify(given, (_, each) => (typeof each === "number" && !Number.isInteger(each) ? Number(each.toPrecision(4)) : each), 1);
  return el("details", {}, el("summary", {}, line(text, 120)), el("pre", {}, long(text)));
}
