// Questions to the server. The newest question of a kind counts: an earlier one that is still on its way is dropped.

const waiting = new Map();

async function post(name, question, latest) {
  let signal;
  if (latest) {
    waiting.get(name)?.abort();
    const controller = new AbortController();
    waiting.set(name, controller);
    signal = controller.signal;
  }
  const answer = await fetch(`/api/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(question),
    signal,
  });
  if (!answer.ok) throw new Error(await problem(answer));
  return answer;
}

async function problem(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error;
  } catch {
    return text.trim() || `the server answered ${answer.status}`;
  }
}

export async function about() {
  const answer = await fetch("/api/about");
  if (!answer.ok) throw new Error(await problem(answer));
  return answer.json();
}

export const ask = async (name, question, latest = true) => (await post(name, question, latest)).json();
export const askBytes = async (name, question) => (await post(name, question, true)).arrayBuffer();
export const askBlob = async (name, question) => (await post(name, question, false)).blob();
export const stale = error => error.name === "AbortError";
