// What is shown, kept in the address behind `#`, so that each view is a link.

export const state = {
  filters: [],
  sort: null,
  descending: false,
  offset: 0,
  row: null, // [run, row]
  color: null,
  box: null, // of the map, where it is zoomed
  columns: null,
  tab: "map",
};
export const PAGE = 50;

const USUAL_COLORS = ["task_category", "topic"];

// The name of the field that the map is colored by; empty for density.
export function colorField(about) {
  if (state.color !== null) return state.color;
  if (about.runs.length > 1) return "run";
  return USUAL_COLORS.find(name => about.fields.some(field => field.name === name)) ?? "";
}

const listeners = [];
export const onChange = act => listeners.push(act);

// keys: what changes. replaced: whether the browser's Back should pass it over.
export function change(keys, { replaced = false } = {}) {
  const changed = new Set(Object.keys(keys));
  Object.assign(state, keys);
  if (changed.has("filters") || changed.has("sort") || changed.has("descending")) {
    if (!changed.has("offset")) { state.offset = 0; changed.add("offset"); }
  }
  const address = `#${written()}`;
  if (address !== location.hash) history[replaced ? "replaceState" : "pushState"](null, "", address);
  for (const act of listeners) act(changed);
}

export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  state.filters = parsed(given.get("filters"), []);
  const sort = given.get("sort");
  state.descending = Boolean(sort?.startsWith("-"));
  state.sort = sort ? sort.replace(/^-/, "") : null;
  state.offset = Math.max(0, (Number(given.get("page")) || 1) - 1) * PAGE;
  const row = (given.get("row") ?? "").split(".").map(Number);
  state.row = row.length === 2 && row.every(Number.isInteger) ? row : null;
  state.color = given.get("color");
  const box = (given.get("map") ?? "").split(",").map(Number);
  state.box = box.length === 4 && box.every(Number.isFinite) ? box : null;
  state.columns = given.has("columns") ? given.get("columns").split(",").filter(Boolean) : null;
  state.tab = given.get("tab") ?? (state.row ? "row" : "map");
}

addEventListener("popstate", () => {
  readAddress();
  for (const act of listeners) act(new Set(Object.keys(state)));
});

function parsed(text, otherwise) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) ? found : otherwise;
  } catch {
    return otherwise;
  }
}

export function written() {
  const given = new URLSearchParams();
  if (state.filters.length) given.set("filters", JSON.stringify(state.filters));
  if (state.sort) given.set("sort", (state.descending ? "-" : "") + state.sort);
  if (state.offset) given.set("page", state.offset / PAGE + 1);
  if (state.row) given.set("row", state.row.join("."));
  if (state.color !== null) given.set("color", state.color);
  if (state.box) given.set("map", state.box.map(value => Number(value.toPrecision(6))).join(","));
  if (state.columns) given.set("columns", state.columns.join(","));
  if (state.tab !== "map") given.set("tab", state.tab);
  return given.toString();
}

// -- filters ----------------------------------------------------------------------------------------------------------

export const keyOf = filter => filter.field ?? filter.kind;
export const filterOf = key => state.filters.find(filter => keyOf(filter) === key);

export function setFilter(key, filter) {
  const others = state.filters.filter(each => keyOf(each) !== key);
  change({ filters: filter === null ? others : [...others, filter] });
}

export function toggleLabel(field, label) {
  const labels = filterOf(field)?.labels ?? [];
  const chosen = labels.includes(label) ? labels.filter(each => each !== label) : [...labels, label];
  setFilter(field, chosen.length ? { kind: "labels", field, labels: chosen } : null);
}
