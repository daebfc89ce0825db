// The map on a plain canvas: cells of counts from the server, points where rows are few, names of topics above.

import { line, el, replace } from "./dom.js";
import { NONE, OTHERS, REST, color, css, forget, groupColor } from "./colors.js";
import { ask, askBytes, stale } from "./api.js";

const CELL = 3; // CSS pixels, at least
const MOST_CELLS = 700; // on one side
const LASSO_POINTS = 120;

export class TopicMap {
  constructor(about, acts) {
    this.about = about;
    this.acts = acts; // open(row), area(points), moved(box), problem(error)
    this.canvas = document.getElementById("canvas");
    this.tip = document.getElementById("tip");
    this.pen = this.canvas.getContext("2d");
    this.field = null;
    this.filters = [];
    this.data = null;
    this.row = null;
    this.lasso = null;
    this.pointers = new Map();
    this.isSelecting = false;
    this.home = about.map.box;
    this.resize();
    new ResizeObserver(() => this.resize()).observe(this.canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { forget(); this.paintCells(); this.draw(); });
    this.listen();
  }

  // -- what is seen: `scale` pixels for one unit, with `middle` in the middle -------------------------------------------

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const first = !this.width;
    const ratio = devicePixelRatio || 1;
    this.width = Math.round(box.width);
    this.height = Math.round(box.height);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (first || this.isHome) this.see(this.wanted ?? this.home, true);
    this.draw();
    this.fetch();
  }

  see(box, silently = false) {
    const [x0, y0, x1, y1] = box;
    this.wanted = box;
    if (!this.width) return;
    this.scale = Math.min(this.width / (x1 - x0), this.height / (y1 - y0));
    this.middle = [(x0 + x1) / 2, (y0 + y1) / 2];
    this.isHome = box.every((value, place) => value === this.home[place]);
    if (!silently) this.changed();
  }

  get box() {
    const [x, y] = this.middle, wide = this.width / this.scale / 2, high = this.height / this.scale / 2;
    return [x - wide, y - high, x + wide, y + high];
  }

  toScreen(x, y) { return [(x - this.middle[0]) * this.scale + this.width / 2, (y - this.middle[1]) * this.scale + this.height / 2]; }
  toMap(x, y) { return [(x - this.width / 2) / this.scale + this.middle[0], (y - this.height / 2) / this.scale + this.middle[1]]; }

  zoom(by, x = this.width / 2, y = this.height / 2) {
    const least = 0.7 * Math.min(this.width / (this.home[2] - this.home[0]), this.height / (this.home[3] - this.home[1]));
    const scale = Math.min(least * 4000, Math.max(least, this.scale * by));
    const [mx, my] = this.toMap(x, y);
    this.scale = scale;
    this.middle = [mx - (x - this.width / 2) / scale, my - (y - this.height / 2) / scale];
    this.changed();
  }

  changed() {
    this.isHome = this.wanted === this.home && this.box.every(Number.isFinite) && this.isHome;
    this.draw();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.fetch(); this.acts.moved(this.isHome ? null : this.box); }, 90);
  }

  fit() { this.see(this.home, true); this.isHome = true; this.draw(); this.fetch(); this.acts.moved(null); }

  centerOn(xy) {
    const [x, y] = this.toScreen(...xy), margin = 40;
    if (x > margin && y > margin && x < this.width - margin && y < this.height - margin) return;
    this.middle = [...xy];
    this.wanted = null;
    this.changed();
  }

  // -- data -------------------------------------------------------------------------------------------------------------

  show(filters, field) {
    this.filters = filters;
    this.field = field;
    this.fetch();
  }

  async fetch() {
    if (!this.width || !this.scale) return;
    const box = this.box, cell = Math.max(CELL, this.width / MOST_CELLS, this.height / MOST_CELLS);
    const cells = [Math.ceil(this.width / cell), Math.ceil(this.height / cell)];
    const across = [box[0], box[1], box[0] + (cells[0] * cell) / this.scale, box[1] + (cells[1] * cell) / this.scale];
    try {
      const bytes = await askBytes("map", { filters: this.filters, box: across, cells, color: this.field?.name ?? null });
      this.data = decoded(bytes, across, cells);
      this.paintCells();
      this.draw();
      this.canvas.dataset.drawn = String(Number(this.canvas.dataset.drawn ?? 0) + 1);
    } catch (error) {
      if (!stale(error)) this.acts.problem(error);
    }
  }

  // Cells as a small picture of their own, which is stretched over the map.
  paintCells() {
    if (!this.data) return;
    const { keys, counts, cells: [wide, high] } = this.data;
    const picture = document.createElement("canvas");
    picture.width = wide;
    picture.height = high;
    const image = new ImageData(wide, high);
    const sums = new Float32Array(wide * high), own = new Float32Array(wide * high), rgb = new Float32Array(3 * wide * high);
    let most = 1, mostRest = 1;
    for (let n = 0; n < keys.length; n++) {
      const cell = keys[n] >>> 4, group = keys[n] & 15;
      if (group === REST) { own[cell] = counts[n]; mostRest = Math.max(mostRest, counts[n]); continue; }
      const [r, g, b] = color(groupColor(group, this.field));
      sums[cell] += counts[n];
      rgb[3 * cell] += counts[n] * r; rgb[3 * cell + 1] += counts[n] * g; rgb[3 * cell + 2] += counts[n] * b;
      most = Math.max(most, sums[cell]);
    }
    const top = Math.log1p(percentile(sums, most)), topRest = Math.log1p(mostRest), rest = color("--rest");
    for (let cell = 0; cell < sums.length; cell++) {
      const at = 4 * cell;
      if (sums[cell]) {
        for (let c = 0; c < 3; c++) image.data[at + c] = rgb[3 * cell + c] / sums[cell];
        image.data[at + 3] = 255 * (0.16 + 0.84 * Math.min(1, Math.log1p(sums[cell]) / top));
      } else if (own[cell]) {
        for (let c = 0; c < 3; c++) image.data[at + c] = rest[c];
        image.data[at + 3] = 255 * (0.25 + 0.6 * (Math.log1p(own[cell]) / topRest));
      }
    }
    picture.getContext("2d").putImageData(image, 0, 0);
    this.picture = picture;
  }

  // -- drawing ----------------------------------------------------------------------------------------------------------

  draw() {
    if (!this.width || !this.scale) return;
    const pen = this.pen;
    pen.clearRect(0, 0, this.width, this.height);
    if (this.data && this.picture) {
      const [x0, y0, x1, y1] = this.data.box, [left, top] = this.toScreen(x0, y0), [right, bottom] = this.toScreen(x1, y1);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(this.picture, left, top, right - left, bottom - top);
      this.drawPoints();
    }
    this.drawRow();
    this.drawNames();
    this.drawLasso();
  }

  drawPoints() {
    const { points, xs, ys, groups, shown } = this.data;
    const radius = Math.min(5, Math.max(1.7, 46 / Math.sqrt(shown + 1) + 1.2));
    const byGroup = new Map();
    for (let n = 0; n < points.length; n++) {
      if (!byGroup.has(groups[n])) byGroup.set(groups[n], []);
      byGroup.get(groups[n]).push(n);
    }
    for (const [group, own] of [...byGroup].sort((a, b) => b[0] - a[0])) {
      this.pen.fillStyle = css(groupColor(group, this.field), group >= OTHERS ? 0.5 : 0.78);
      this.pen.beginPath();
      for (const n of own) {
        const [x, y] = this.toScreen(xs[n], ys[n]);
        if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) continue;
        this.pen.moveTo(x + radius, y);
        this.pen.arc(x, y, radius, 0, 7);
      }
      this.pen.fill();
    }
  }

  drawRow() {
    const marked = [[this.hovered, 5, 1.5], [this.row, 7, 2.5]];
    for (const [place, radius, width] of marked) {
      if (!place) continue;
      const [x, y] = this.toScreen(...place);
      this.pen.lineWidth = width + 2;
      this.pen.strokeStyle = css("--paper", 0.9);
      this.pen.beginPath(); this.pen.arc(x, y, radius, 0, 7); this.pen.stroke();
      this.pen.lineWidth = width;
      this.pen.strokeStyle = css("--ink");
      this.pen.beginPath(); this.pen.arc(x, y, radius, 0, 7); this.pen.stroke();
    }
  }

  // Names of topics, the largest first, where they cover no other.
  drawNames() {
    const pen = this.pen, taken = [];
    pen.font = `600 11.5px ${getComputedStyle(document.body).fontFamily}`;
    pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineJoin = "round";
    const zoomed = this.scale / Math.min(this.width / (this.home[2] - this.home[0]), this.height / (this.home[3] - this.home[1]));
    const most = Math.min(80, Math.round((8 + (this.width * this.height) / 36000) * Math.max(1, zoomed ** 0.5)));
    for (const topic of [...this.about.map.topics].sort((a, b) => b.rows - a.rows).slice(0, most)) {
      const text = plain(topic.name);
      const [x, y] = this.toScreen(topic.x, topic.y), half = pen.measureText(text).width / 2 + 6;
      const box = [x - half, y - 9, x + half, y + 9];
      if (x < half || x > this.width - half || y < 12 || y > this.height - 12) continue;
      if (box[1] < 46 && (box[0] < 200 || box[2] > this.width - 230)) continue;
      if (taken.some(other => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
      taken.push(box);
      pen.lineWidth = 4;
      pen.strokeStyle = css("--paper", 0.88);
      pen.strokeText(text, x, y);
      pen.fillStyle = css("--ink");
      pen.fillText(text, x, y);
    }
  }

  drawLasso() {
    const chosen = this.filters.find(filter => filter.kind === "area");
    if (chosen) {
      this.pen.beginPath();
      chosen.points.forEach((point, n) => (n ? this.pen.lineTo(...this.toScreen(...point)) : this.pen.moveTo(...this.toScreen(...point))));
      this.pen.closePath();
      this.pen.setLineDash([4, 4]); this.pen.lineWidth = 1.5; this.pen.strokeStyle = css("--other"); this.pen.stroke(); this.pen.setLineDash([]);
    }
    if (!this.lasso || this.lasso.length < 2) return;
    this.pen.beginPath();
    this.lasso.forEach(([x, y], n) => (n ? this.pen.lineTo(x, y) : this.pen.moveTo(x, y)));
    this.pen.closePath();
    this.pen.fillStyle = css("--other", 0.12); this.pen.fill();
    this.pen.lineWidth = 1.5; this.pen.strokeStyle = css("--other"); this.pen.stroke();
  }

  // -- pointers -----------------------------------------------------------------------------------------------------------

  listen() {
    const canvas = this.canvas, at = event => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("wheel", event => { event.preventDefault(); this.wanted = null; this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.012 : 0.0018)), ...at(event)); }, { passive: false });
    canvas.addEventListener("pointerdown", event => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at(event));
      this.begun = at(event); this.hasMoved = false;
      if (this.pointers.size === 2) { this.lasso = null; this.apart = this.distance(); this.hasMoved = true; }
      else if (this.isSelecting || event.shiftKey) this.lasso = [at(event)];
    });
    canvas.addEventListener("pointermove", event => {
      const now = at(event), before = this.pointers.get(event.pointerId);
      if (!before) { if (event.pointerType === "mouse") this.hover(now); return; }
      this.pointers.set(event.pointerId, now);
      if (Math.hypot(now[0] - this.begun[0], now[1] - this.begun[1]) > 4) this.hasMoved = true;
      if (this.pointers.size === 2) {
        const apart = this.distance(), [a, b] = [...this.pointers.values()];
        this.wanted = null;
        this.zoom(apart / (this.apart || apart), (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
        this.apart = apart;
      } else if (this.lasso) { this.lasso.push(now); this.draw(); }
      else if (this.hasMoved) {
        this.hide();
        this.wanted = null;
        this.middle = [this.middle[0] - (now[0] - before[0]) / this.scale, this.middle[1] - (now[1] - before[1]) / this.scale];
        this.changed();
      }
    });
    const end = event => {
      if (!this.pointers.delete(event.pointerId)) return;
      const lasso = this.lasso;
      this.lasso = null;
      if (event.type === "pointercancel") { this.draw(); return; }
      if (lasso && lasso.length > 3 && this.hasMoved) {
        const step = Math.max(1, Math.ceil(lasso.length / LASSO_POINTS));
        this.acts.area(lasso.filter((_, n) => n % step === 0).map(([x, y]) => this.toMap(x, y)));
      } else if (!this.hasMoved) this.pick(at(event));
      this.draw();
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointerleave", () => this.hide());
    canvas.addEventListener("keydown", event => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!by) return;
      event.preventDefault(); event.stopPropagation();
      this.wanted = null;
      this.middle = [this.middle[0] + (by[0] * 60) / this.scale, this.middle[1] + (by[1] * 60) / this.scale];
      this.changed();
    });
  }

  distance() { const [a, b] = [...this.pointers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); }

  near(now, pixels) { return ask("nearest", { filters: this.filters, at: this.toMap(...now), within: pixels / this.scale }); }

  hover(now) {
    clearTimeout(this.hovering);
    this.hovering = setTimeout(async () => {
      try {
        const row = await this.near(now, 9);
        if (!row) { this.hide(); return; }
        this.hovered = [row.x, row.y];
        replace(this.tip, row.preview ? line(row.preview, 180) : el("span", { class: "dim", text: "no instruction" }));
        this.tip.hidden = false;
        const [x, y] = this.toScreen(row.x, row.y), wide = this.tip.offsetWidth, high = this.tip.offsetHeight;
        this.tip.style.left = `${Math.max(8, Math.min(this.width - wide - 8, x - wide / 2))}px`;
        this.tip.style.top = `${y - high - 14 > 8 ? y - high - 14 : y + 14}px`;
        this.canvas.classList.add("on-row");
        this.draw();
      } catch (error) { if (!stale(error)) this.hide(); }
    }, 60);
  }

  hide() {
    clearTimeout(this.hovering);
    if (this.tip.hidden && !this.hovered) return;
    this.tip.hidden = true;
    this.hovered = null;
    this.canvas.classList.remove("on-row");
    this.draw();
  }

  async pick(now) {
    try {
      const row = await this.near(now, 14);
      if (row) this.acts.open(row);
    } catch (error) { if (!stale(error)) this.acts.problem(error); }
  }

  select(on) { this.isSelecting = on; this.canvas.classList.toggle("selecting", on); }
}

function decoded(bytes, box, cells) {
  const head = new DataView(bytes).getUint32(0, true);
  const told = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, head)));
  let at = 4 + head;
  const part = (kind, count) => { const found = new kind(bytes, at, count); at += count * kind.BYTES_PER_ELEMENT; return found; };
  return {
    ...told, box, cells,
    keys: part(Uint32Array, told.cells), counts: part(Uint32Array, told.cells), points: part(Uint32Array, told.points),
    xs: part(Float32Array, told.points), ys: part(Float32Array, told.points), groups: part(Uint8Array, told.points),
  };
}

// A count that few cells exceed: one crowded cell would make all others pale.
function percentile(sums, most) {
  const filled = sums.filter(each => each > 0);
  if (filled.length < 100) return most;
  filled.sort();
  return Math.max(1, filled[Math.floor(filled.length * 0.995)]);
}

// The first words of a topic's name, as one line without anything hidden: a canvas shows no marks.
function plain(name) {
  const words = name.split(", ").slice(0, 3).join(", ");
  return words.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, "").slice(0, 48);
}

export function drawLegend(place, field) {
  if (!field) { place.hidden = true; return; }
  const entry = (group, text) => {
    const square = el("span", { class: "swatch" });
    square.style.background = `var(${groupColor(group, field)})`;
    return el("li", {}, square, line(text || "none", 44));
  };
  place.hidden = false;
  replace(place, el("ul", {}, ...field.legend.names.map((name, group) => entry(group, name)),
    field.legend.others ? entry(OTHERS, "all others") : null, field.legend.nothing ? entry(NONE, "not given") : null));
}

