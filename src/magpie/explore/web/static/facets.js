// Histograms that filter each other: a list of bars for labels, a chart to drag over for numbers.

import { el, line, replace, svg } from "./dom.js";
import { labelText, percent, rangeText, short, tick, whole } from "./format.js";
import { change, colorField, filterOf, setFilter, toggleLabel } from "./state.js";
import { groupColor } from "./colors.js";

const FIRST = 8;
const WIDTH = 264, HEIGHT = 64;
const open = new Set(); // facets that show all their labels
const folded = new Set(JSON.parse(localStorage.getItem("magpie-folded") ?? "[]"));

export function drawFacets(place, about, view) {
  const focused = document.activeElement?.dataset?.key;
  const scrolled = place.scrollTop;
  replace(place, ...about.fields.map(field => facet(field, view.counts[field.name], about, () => drawFacets(place, about, view))));
  place.scrollTop = scrolled;
  if (focused) [...place.querySelectorAll("[data-key]")].find(each => each.dataset.key === focused)?.focus();
}

function facet(field, counts, about, redraw) {
  const filter = filterOf(field.name);
  const isFolded = folded.has(field.name);
  const head = el("div", { class: "facet-head" },
    el("button", {
      type: "button", class: "fold", "aria-expanded": String(!isFolded), title: field.about, data: { key: `fold ${field.name}` },
      on: { click: () => { isFolded ? folded.delete(field.name) : folded.add(field.name);
        localStorage.setItem("magpie-folded", JSON.stringify([...folded])); redraw(); } },
    }, line(field.title)),
    filter && el("button", { type: "button", class: "quiet clear", text: "Clear", on: { click: () => setFilter(field.name, null) } }),
    about.map && el("button", {
      type: "button", class: "dye", "aria-pressed": String(colorField(about) === field.name), "aria-label": `Color the map by ${field.title}`,
      title: `Color the map by ${field.title}`, on: { click: () => change({ color: colorField(about) === field.name ? "" : field.name }) },
    }));
  const body = isFolded ? null : field.kind === "numbers" ? numbers(field, counts, filter, about) : labels(field, counts, filter, about, redraw);
  return el("section", { class: `facet${filter ? " active" : ""}`, data: { field: field.name } }, head, body);
}

const sums = counts => counts[0].map((_, code) => counts.reduce((sum, run) => sum + run[code], 0));
const total = counts => counts.reduce((sum, each) => sum + each, 0);

// -- labels -----------------------------------------------------------------------------------------------------------

function labels(field, counts, filter, about, redraw) {
  const all = sums(field.totals), here = sums(counts);
  const codes = [...field.labels.keys(), ...(all[field.labels.length] ? [field.labels.length] : [])].filter(code => all[code]);
  if (!field.ordered && field.name !== "status" && field.name !== "run") codes.sort((a, b) => (a === field.labels.length) - (b === field.labels.length) || here[b] - here[a] || a - b);
  const label = code => (code === field.labels.length ? null : field.labels[code]);
  const isChosen = code => filter?.labels.includes(label(code));
  const expanded = open.has(field.name);
  const visible = expanded || codes.length <= FIRST + 1 ? codes : codes.filter((code, place) => place < FIRST || isChosen(code));
  const most = Math.max(1, ...here), mostOfAll = Math.max(1, ...all);
  const rows = visible.map(code => el("li", {},
    el("button", {
      type: "button", class: `label${filter && !isChosen(code) ? " out" : ""}`, "aria-pressed": String(Boolean(isChosen(code))),
      data: { key: `${field.name} ${code}` }, title: `${labelText(label(code))}: ${whole(here[code])} of ${whole(all[code])}`,
      on: { click: () => toggleLabel(field.name, label(code)) },
    },
    el("span", { class: `label-name${label(code) ? "" : " dim"}` }, colorField(about) === field.name && swatch(field, code), line(labelText(label(code)), 120)),
    el("span", { class: "label-count", text: whole(here[code]) }),
    bars(counts, code, here[code] / most, all[code] / mostOfAll, about))));
  const more = codes.length - visible.length;
  return el("div", {}, el("ul", { class: "labels" }, ...rows),
    more > 0 || expanded ? el("button", {
      type: "button", class: "quiet more", text: expanded ? "Fewer" : `${more} more`,
      on: { click: () => { expanded ? open.delete(field.name) : open.add(field.name); redraw(); } },
    }) : null);
}

function bars(counts, code, share, shareOfAll, about) {
  if (about.runs.length === 1) {
    return svg("svg", { class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "c-back", width: 100 * shareOfAll, height: 4 }),
      svg("rect", { class: "c-kept", width: 100 * share, height: 4 }));
  }
  const shares = counts.map(run => run[code] / Math.max(1, total(run)));
  const top = Math.max(1e-9, ...counts.flatMap(run => { const sum = Math.max(1, total(run)); return run.map(each => each / sum); }));
  return svg("svg", { class: "bar several", viewBox: `0 0 100 ${4 * shares.length}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...shares.map((each, run) => svg("rect", { class: `c-run${run}`, y: 4 * run, width: (100 * each) / top, height: 3 })));
}

export function swatch(field, code) {
  const made = el("span", { class: "swatch" });
  const name = code === field.labels.length ? null : field.labels[code];
  const group = name === null ? 8 : field.legend.names.indexOf(name);
  made.style.background = `var(${groupColor(group < 0 ? 7 : group, field)})`;
  return made;
}

// -- numbers ----------------------------------------------------------------------------------------------------------

function numbers(field, counts, filter, about) {
  const size = field.edges.length + 1;
  const all = sums(field.totals).slice(0, size), here = sums(counts).slice(0, size);
  const wide = WIDTH / size;
  const chart = svg("svg", { class: "histogram", viewBox: `0 0 ${WIDTH} ${HEIGHT + 16}`, role: "img", "aria-label": `${field.title}: histogram` });
  const gap = Math.min(1, wide * 0.12);
  const draw = (values, style, scale) => values.forEach((value, code) => {
    if (!value) return;
    const high = Math.max(1, (HEIGHT * value) / scale);
    chart.append(svg("rect", { class: style, x: code * wide + gap / 2, y: HEIGHT - high, width: wide - gap, height: high }));
  });
  if (about.runs.length === 1) {
    draw(all, "c-back", Math.max(1, ...all));
    draw(here, "c-kept", Math.max(1, ...here));
  } else {
    const shares = counts.map(run => { const known = run.slice(0, size), sum = Math.max(1, total(known)); return known.map(each => each / sum); });
    const top = Math.max(1e-9, ...shares.flat());
    shares.forEach((own, run) => {
      const steps = own.map((value, code) => `V${(HEIGHT - (HEIGHT * value) / top).toFixed(1)}H${((code + 1) * wide).toFixed(1)}`).join("");
      chart.append(svg("path", { class: `l-run${run} steps${run ? "" : " filled"}`, d: `M0 ${HEIGHT}${steps}V${HEIGHT}` }));
    });
  }
  chart.append(svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }));
  for (const [edge, at] of ticks(field)) chart.append(Object.assign(svg("text", { class: "t", x: (at * wide).toFixed(1), y: HEIGHT + 13, "text-anchor": "middle" }), { textContent: tick(edge) }));
  const from = filter ? place(field, filter.low, 0) : 0, to = filter ? place(field, filter.high, size) : size;
  const shade = [svg("rect", { class: "shade", y: 0, height: HEIGHT }), svg("rect", { class: "shade", y: 0, height: HEIGHT })];
  const paint = (a, b) => {
    shade[0].setAttribute("x", 0); shade[0].setAttribute("width", a * wide);
    shade[1].setAttribute("x", b * wide); shade[1].setAttribute("width", WIDTH - b * wide);
  };
  paint(from, to);
  chart.append(...shade);
  const told = el("p", { class: "range" });
  const unknown = sums(counts)[size];
  const tell = (a, b) => {
    const sum = total(here.slice(a, b));
    told.textContent = a === 0 && b === size && !filter ? (unknown ? `${whole(unknown)} without` : "\u00a0") : `${rangeText(bound(field, a), bound(field, b))}: ${whole(sum)}`;
  };
  tell(from, to);
  brush(chart, size, { from, to, field, filter, paint, tell });
  return el("div", {}, chart, told);
}

const bound = (field, code) => (code <= 0 || code > field.edges.length ? null : field.edges[code - 1]);

function place(field, value, otherwise) {
  if (value === null || value === undefined) return otherwise;
  const found = field.edges.findIndex(edge => edge >= value);
  return found < 0 ? field.edges.length : found + 1;
}

function brush(chart, size, { from, to, field, filter, paint, tell }) {
  const at = event => { const box = chart.getBoundingClientRect(); return Math.min(size - 1e-6, Math.max(0, ((event.clientX - box.left) / box.width) * size)); };
  const set = (a, b) => setFilter(field.name, a <= 0 && b >= size ? null : { kind: "range", field: field.name, low: bound(field, a), high: bound(field, b) });
  let begun = null;
  chart.addEventListener("pointerdown", event => { if (event.button) return; begun = at(event); chart.setPointerCapture(event.pointerId); event.preventDefault(); chart.focus(); });
  chart.addEventListener("pointermove", event => {
    const now = at(event);
    if (begun === null) { tell(Math.floor(now), Math.floor(now) + 1); return; }
    const [a, b] = [Math.floor(Math.min(begun, now)), Math.floor(Math.max(begun, now)) + 1];
    paint(a, b); tell(a, b);
  });
  chart.addEventListener("pointerleave", () => { if (begun === null) tell(from, to); });
  chart.addEventListener("pointercancel", () => { begun = null; paint(from, to); });
  chart.addEventListener("pointerup", event => {
    if (begun === null) return;
    const now = at(event), [a, b] = [Math.floor(Math.min(begun, now)), Math.floor(Math.max(begun, now)) + 1];
    const same = filter && a === from && b === to;
    begun = null;
    same ? setFilter(field.name, null) : set(a, b);
  });
  // By keys: arrows move the range, with Shift its upper end.
  chart.setAttribute("tabindex", "0");
  chart.dataset.key = `chart ${field.name}`;
  chart.addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Delete" || event.key === "Backspace") { setFilter(field.name, null); event.preventDefault(); return; }
    if (!step) return;
    event.preventDefault(); event.stopPropagation();
    const [a, b] = filter ? [from, to] : [0, size];
    if (event.shiftKey) set(a, Math.max(a + 1, Math.min(size, b + step)));
    else if (filter && b - a < size && b < size) set(Math.max(0, Math.min(size - (b - a), a + step)), Math.max(b - a, Math.min(size, b + step)));
    else set(Math.max(0, Math.min(b - 1, a + step)), b);
  });
}

// Edges to be written below the axis: four or so, round ones where values grow.
function ticks(field) {
  const size = field.edges.length + 1;
  const every = Math.max(1, Math.ceil(field.edges.length / 4));
  const start = Math.floor((field.edges.length - 1) % every / 2);
  return field.edges.map((edge, code) => [edge, code + 1]).filter(([, at]) => (at - 1 - start) % every === 0 && at > size * 0.04 && at < size * 0.96);
}
