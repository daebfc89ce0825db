// Numbers and labels as people read them, in the manner of the report.

export const whole = value => value.toLocaleString("en-US", { maximumFractionDigits: 0 });

export function short(value) {
  if (value === null || value === undefined) return "";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e4) return whole(value);
  for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"]]) if (size >= unit) return `${trimmed(value / unit)}${name}`;
  if (size >= 1e4) return `${trimmed(value / 1e3)}k`;
  if (size >= 1000) return whole(value);
  if (size >= 0.0001) return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);
  return value === 0 ? "0" : value.toExponential(1);
}

const trimmed = value => Number(value.toPrecision(3)).toString();

// A value of an axis: no zeros behind it.
export const tick = value => (Math.abs(value) >= 1e4 ? short(value) : Number(value.toPrecision(6)).toLocaleString("en-US"));

export function percent(share) {
  if (share > 0 && share < 0.001) return "<0.1%";
  return `${(100 * share).toFixed(share === 0 || share === 1 ? 0 : 1)}%`;
}

export function labelText(label) {
  if (label === null) return "not given";
  return label === "" ? "none" : label;
}

export function rangeText(low, high) {
  if (low === null && high === null) return "known";
  if (low === null) return `below ${tick(high)}`;
  if (high === null) return `from ${tick(low)}`;
  return `${tick(low)} to ${tick(high)}`;
}
