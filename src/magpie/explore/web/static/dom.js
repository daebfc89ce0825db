// Elements, made one by one. Every text is set as text: nothing here, or anywhere in this page, reads markup.

export function el(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (name === "data") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return made;
}

export function svg(tag, options = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(options)) if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const JOINERS = "\u200c\u200d\ufe0f";

// What a model or a stranger wrote, as nodes: control characters, bidi marks and other invisible ones are written out.
export function shown(text, kept = "\n\t") {
  const found = document.createDocumentFragment();
  let begun = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const letter = match[0];
    if (kept.includes(letter) || JOINERS.includes(letter)) continue;
    found.append(text.slice(begun, match.index), el("span", { class: "esc", text: writtenOut(letter) }));
    begun = match.index + letter.length;
  }
  found.append(text.slice(begun));
  return found;
}

// One line: line ends and tabs become spaces.
export function line(text, most = 300) {
  const cut = text.length > most ? `${text.slice(0, most)}\u2026` : text;
  return el("bdi", {}, shown(cut.replace(/\s+/g, " "), ""));
}

function writtenOut(letter) {
  const code = letter.codePointAt(0);
  if (code === 10) return "\\n";
  if (code === 13) return "\\r";
  if (code === 9) return "\\t";
  if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code < 65536) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

export function replace(parent, ...children) {
  parent.replaceChildren(...children.filter(child => child !== null && child !== undefined && child !== false));
}

export function copyButton(text, label = "Copy") {
  const button = el("button", { type: "button", class: "quiet", text: label });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here";
    }
    setTimeout(() => { button.textContent = label; }, 1400);
  });
  return button;
}
