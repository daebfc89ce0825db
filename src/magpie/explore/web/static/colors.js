// Colors of the style sheet for what is drawn on a canvas, as red, green and blue.

let known = new Map();

export function forget() { known = new Map(); }

export function color(name) {
  if (!known.has(name)) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    known.set(name, [1, 3, 5].map(place => parseInt(text.slice(place, place + 2), 16)));
  }
  return known.get(name);
}

export const css = (name, alpha = 1) => { const [r, g, b] = color(name); return `rgba(${r},${g},${b},${alpha})`; };

export const OTHERS = 7, NONE = 8, REST = 15;

// The name of a group's color: labels without an order get colors that differ, others a scale.
export function groupColor(group, field) {
  if (group === REST) return "--rest";
  if (group === OTHERS) return "--others";
  if (group === NONE) return "--nothing";
  if (!field) return "--kept";
  if (!field.ordered) return `--g${group}`;
  const count = Math.max(1, field.legend.names.length - 1);
  return `--s${Math.round(6 * group / count)}`;
}
