// What is shown, as conditions and ids that other commands take; and the keys of this page.

import { copyButton, el, line, replace, shown } from "./dom.js";
import { whole } from "./format.js";
import { ask, askBlob } from "./api.js";
import { state } from "./state.js";

const dialog = document.getElementById("dialog");
dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });

const closing = () => el("button", { type: "button", class: "quiet close", "aria-label": "Close", text: "\u00d7", on: { click: () => dialog.close() } });

export async function showSelection() {
  const found = await ask("selection", { filters: state.filters });
  const parts = found.runs.map((part, place) => el("section", {},
    found.runs.length > 1 ? el("h3", {}, line(part.run), el("span", { class: "dim", text: ` ${whole(part.rows)} rows` })) : null,
    ...["show", "select"].filter(name => part.commands[name]).map(name => code(name === "show" ? "Show these rows in the terminal" : "Select these rows as the dataset, beside what the selection asks for already", part.commands[name])),
    el("p", { class: "told" }, "Or by ids: ", el("button", { type: "button", class: "main small", text: `Download ${part.ids}`, on: { click: event => download(event.target, part, found) } })),
    code("Export the kept ones among them", part.commands.export)));
  replace(dialog, el("div", { class: "dialog-head" }, el("h2", { text: `${whole(found.matching)} rows` }), closing()),
    found.where === null ? el("p", { class: "told dim", text: "The map and its topics are no columns of the run: these rows are taken on by their ids." })
      : found.where.length ? code("Condition", found.where.map(each => (found.where.length > 1 && each.includes(" OR ") ? `(${each})` : each)).join(" AND ")) : null,
    found.matching ? el("div", {}, ...parts) : el("p", { class: "told", text: "No row matches, so there is nothing to take on." }),
    el("p", { class: "told" }, copyButton(() => location.href, "Copy the link to this view")));
  dialog.showModal();
  dialog.focus();
}

function code(title, text) {
  return el("div", { class: "code" }, el("div", { class: "code-head" }, el("span", { text: title }), copyButton(() => text)), el("pre", {}, shown(text)));
}

async function download(button, part, found) {
  button.disabled = true;
  try {
    const blob = await askBlob("ids", { filters: state.filters, run: part.number });
    const link = el("a", { href: URL.createObjectURL(blob), download: part.ids });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } finally {
    button.disabled = false;
  }
}

const KEYS = [
  ["/", "search texts"], ["J or \u2193", "next row"], ["K or \u2191", "previous row"], ["N", "next page"], ["P", "previous page"],
  ["+ and \u2212", "zoom the map"], ["0", "show the whole map"], ["A", "select an area of the map"], ["S", "use the selection"],
  ["C", "clear all filters"], ["Esc", "close, then leave the row"], ["1 to 4", "map, filters, rows, conversation on a narrow screen"],
  ["Tab, arrows", "on a histogram: move the range; with Shift its upper end"],
];

export function showKeys() {
  replace(dialog, el("div", { class: "dialog-head" }, el("h2", { text: "Keys" }), closing()),
    el("dl", { class: "keys" }, ...KEYS.map(([key, does]) => el("div", {}, el("dt", {}, el("kbd", { text: key })), el("dd", { text: does })))));
  dialog.showModal();
  dialog.focus();
}
