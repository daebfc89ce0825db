// The page: reads what there is, keeps its parts up to date with the state, and listens to keys.

import { el, line, replace } from "./dom.js";
import { labelText, percent, rangeText, whole } from "./format.js";
import { about as askAbout, ask, stale } from "./api.js";
import { PAGE, change, colorField, filterOf, keyOf, onChange, readAddress, setFilter, state } from "./state.js";
import { drawFacets } from "./facets.js";
import { TopicMap, drawLegend } from "./map.js";
import { drawTable, openRow, turnPage } from "./table.js";
import { drawNoRow, drawRow } from "./row.js";
import { showKeys, showSelection } from "./selection.js";

const $ = id => document.getElementById(id);
let about, view, page = { matching: 0, rows: [] }, map = null, isBusy = 0;

// -- start ------------------------------------------------------------------------------------------------------------

async function start() {
  about = await askAbout();
  readAddress();
  const names = about.runs.map(run => run.name);
  document.title = `${names.join(", ")} \u2013 explore`;
  replace($("name"), line(names.join(" and "), 120));
  view = { matching: about.rows, runs: about.runs.map(run => run.rows), counts: Object.fromEntries(about.fields.map(field => [field.name, field.totals])) };
  const places = about.texts.length > 1 ? [["both", "all texts"], ...about.texts.map(text => [text, `${text}s`])] : about.texts.map(text => [text, `${text}s`]);
  $("within").append(...places.map(([value, text]) => el("option", { value, text })));
  $("search").hidden = !about.texts.length;
  if (about.map) startMap();
  else {
    document.body.classList.add("no-map");
    $("nomap").hidden = false;
    $("nomap").textContent = about.hint ?? "";
    if (state.tab === "map") state.tab = "table";
  }
  onChange(update);
  listen();
  await update(new Set(Object.keys(state)));
  document.body.classList.add("ready");
}

function startMap() {
  const colors = about.fields.map(field => el("option", { value: field.name }, field.title));
  $("color").append(el("option", { value: "", text: "density" }), ...colors);
  map = new TopicMap(about, {
    open: openRow,
    area: points => { $("area").setAttribute("aria-pressed", "false"); map.select(false); setFilter("area", { kind: "area", points: points.map(point => point.map(value => Number(value.toPrecision(6)))) }); },
    moved: box => change({ box }, { replaced: true }),
    problem,
  });
  if (state.box) map.see(state.box, true);
}

// -- parts that follow the state ----------------------------------------------------------------------------------------

async function update(changed) {
  if (state.sort !== "row" && !about.fields.some(field => field.name === state.sort)) state.sort = null; // a link to a view of another run
  if (changed.has("filters")) $("problem").hidden = true;
  const has = (...names) => names.some(name => changed.has(name));
  const waits = [];
  if (has("tab")) showTab();
  if (has("filters")) { drawChips(); waits.push(updateView()); }
  if (has("filters", "sort", "descending", "offset")) waits.push(updateTable());
  else if (has("columns", "row")) drawTable($("table"), about, page);
  if (has("color") && !has("filters")) drawFacets($("facets"), about, view);
  if (map && has("filters", "color")) {
    const field = about.fields.find(each => each.name === (colorField(about)));
    $("color").value = field?.name ?? "";
    drawLegend($("legend"), field);
    map.show(state.filters, field);
  }
  if (map && changed.has("box") && changed.has("tab")) state.box ? map.see(state.box) : null;
  if (has("row")) waits.push(updateRow());
  await Promise.all(waits).catch(error => { if (!stale(error)) problem(error); });
}

async function updateView() {
  busy(1);
  try {
    view = await ask("view", { filters: state.filters });
  } finally { busy(-1); }
  drawCount();
  drawFacets($("facets"), about, view);
}

async function updateTable() {
  page = await ask("rows", { filters: state.filters, sort: state.sort, descending: state.descending, offset: state.offset, count: PAGE });
  drawTable($("table"), about, page);
}

async function updateRow() {
  const isOpen = state.row !== null;
  document.body.classList.toggle("has-row", isOpen);
  if (!isOpen) {
    if (map) { map.row = null; map.draw(); }
    drawNoRow($("row"));
    return;
  }
  const row = await ask("row", { run: state.row[0], row: state.row[1] });
  drawRow($("row"), about, row, moveRow);
  if (map) { map.row = row.xy; row.xy ? map.centerOn(row.xy) : null; map.draw(); }
  document.querySelector("#table tr.open")?.scrollIntoView({ block: "nearest" });
}

function drawCount() {
  replace($("count"), el("strong", { text: whole(view.matching) }),
    view.matching === about.rows ? " rows" : ` of ${whole(about.rows)} rows`,
    view.matching < about.rows ? el("span", { class: "dim", text: ` ${percent(view.matching / Math.max(1, about.rows))}` }) : null);
  $("use").disabled = !view.matching;
  if (about.runs.length === 1) return;
  replace($("runs"), ...about.runs.map((run, place) => el("span", { class: "run" }, el("span", { class: `swatch run${place}` }), line(run.name, 60),
    el("span", { class: "dim", text: ` ${whole(view.runs[place])} of ${whole(run.rows)}, ${percent(view.runs[place] / Math.max(1, run.rows))}` }))));
}

function drawChips() {
  const chips = state.filters.map(filter => el("button", {
    type: "button", class: "chip", title: "Remove this filter", on: { click: () => setFilter(keyOf(filter), null) },
  }, ...chipText(filter), el("span", { class: "x", text: "\u00d7", "aria-label": "remove" })));
  if (state.filters.length > 1) chips.push(el("button", { type: "button", class: "quiet", text: "Clear all", on: { click: () => change({ filters: [] }) } }));
  replace($("chips"), ...chips);
  const text = filterOf("text");
  if (document.activeElement !== $("text")) $("text").value = text?.text ?? "";
  if (text && [...$("within").options].some(option => option.value === text.within)) $("within").value = text.within;
}

function chipText(filter) {
  if (filter.kind === "text") return [el("span", { class: "dim", text: "text " }), line(`\u201c${filter.text}\u201d`, 40)];
  if (filter.kind === "area") return ["an area of the map"];
  const field = about.fields.find(each => each.name === filter.field);
  const title = el("span", { class: "dim" }, line(field?.title ?? filter.field, 40), " ");
  if (filter.kind === "range") return [title, rangeText(filter.low ?? null, filter.high ?? null)];
  const names = filter.labels.map(labelText);
  return [title, line(names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : ""), 80)];
}

// -- acts -------------------------------------------------------------------------------------------------------------

async function moveRow(by) {
  const at = state.row ? page.rows.findIndex(row => row.run === state.row[0] && row.row === state.row[1]) : -1;
  const next = at < 0 ? (by > 0 ? 0 : -1) : at + by;
  if (page.rows[next]) openRow(page.rows[next]);
  else if (at >= 0 && (by > 0 ? state.offset + PAGE < page.matching : state.offset > 0)) {
    turnPage(by, page);
    await updateTable();
    openRow(by > 0 ? page.rows[0] : page.rows[page.rows.length - 1]);
  }
}

function showTab() {
  const tab = about.map || state.tab !== "map" ? state.tab : "table";
  document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll("#tabs button")) button.setAttribute("aria-current", String(button.dataset.tab === tab));
}

function busy(by) { isBusy += by; document.body.classList.toggle("busy", isBusy > 0); }

function problem(error) {
  $("problem").hidden = false;
  const isGone = error instanceof TypeError && /fetch|network|load failed/i.test(error.message);
  $("problem").textContent = isGone ? "The server does not answer: start `magpie explore` again." : error.message;
  if (!isGone) console.error(error.stack ?? error);
}

function listen() {
  let typing;
  const search = () => { clearTimeout(typing); const text = $("text").value.trim(); setFilter("text", text ? { kind: "text", text, within: $("within").value } : null); };
  $("text").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(search, 350); });
  $("search").addEventListener("submit", event => { event.preventDefault(); search(); });
  $("within").addEventListener("change", () => { if ($("text").value.trim()) search(); });
  $("use").addEventListener("click", () => showSelection().catch(problem));
  $("keys").addEventListener("click", showKeys);
  for (const button of document.querySelectorAll("#tabs button")) button.addEventListener("click", () => change({ tab: button.dataset.tab }));
  if (map) {
    $("color").addEventListener("change", () => change({ color: $("color").value }));
    $("closer").addEventListener("click", () => { map.wanted = null; map.zoom(1.6); });
    $("farther").addEventListener("click", () => { map.wanted = null; map.zoom(1 / 1.6); });
    $("fit").addEventListener("click", () => map.fit());
    $("area").addEventListener("click", () => selectArea(!map.isSelecting));
  }
  addEventListener("keydown", onKey);
}

function selectArea(on) { map.select(on); $("area").setAttribute("aria-pressed", String(on)); }

function onKey(event) {
  if (event.metaKey || event.ctrlKey || event.altKey || $("dialog").open) return;
  const typing = event.target.matches?.("input[type=search], select");
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (map?.isSelecting) selectArea(false);
    else if (state.row) change({ row: null, tab: state.tab === "row" ? "table" : state.tab });
    return;
  }
  if (typing) return;
  const acts = {
    "/": () => $("text").focus(), "?": showKeys, j: () => moveRow(1), k: () => moveRow(-1), ArrowDown: () => moveRow(1), ArrowUp: () => moveRow(-1),
    n: () => turnPage(1, page), p: () => turnPage(-1, page), s: () => { if (!$("use").disabled) showSelection().catch(problem); }, c: () => change({ filters: [] }),
    "1": () => change({ tab: "map" }), "2": () => change({ tab: "facets" }), "3": () => change({ tab: "table" }), "4": () => change({ tab: "row" }),
    ...(map ? { "+": () => $("closer").click(), "=": () => $("closer").click(), "-": () => $("farther").click(), 0: () => map.fit(), a: () => selectArea(!map.isSelecting) } : {}),
  };
  const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(); }
}

start().catch(problem);
