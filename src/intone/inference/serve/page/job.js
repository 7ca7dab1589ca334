// One recording: it is sent, watched while it is analysed, and shown; it goes on after a reload.
import { announce, forget } from "./explain.js";
import { FIRST, clear as clearFiles, described, offer } from "./files.js";
import { model } from "./model.js";
import { $, clock, made, say } from "./words.js";

let generation = 0; // of recordings
let current = null; // what is being sent or analysed: {name, id, abort, source}

// Where it is.
export function note(line) { $("note").textContent = line; }
function busy(on) {
  $("work").hidden = !on;
  document.body.classList.toggle("busy", on);
}
const REMEDIES = { 401: "access", 403: "access", 413: "large", 429: "later", 500: "own", 503: "later", 507: "own", gone: "gone" };
let sent = null; // the file that was sent last: it can be sent again
export function fail(line, reason) {
  busy(false);
  const remedy = REMEDIES[reason];
  $("wrong").hidden = false;
  $("why").textContent = line;
  $("remedy").textContent = say(remedy ? `remedy_${remedy}` : "remedy");
  $("again").hidden = !sent || !["later", "own", "gone"].includes(remedy);
}
function clear() {
  clearFiles();
  forget();
  $("found").replaceChildren();
  $("wrong").hidden = true;
  $("time").textContent = "";
  $("share").removeAttribute("value");
  $("shown")?.remove();
  document.body.classList.remove("shown");
}

// One recording from its arrival to its result.
function give_up() {
  current?.abort.abort();
  current?.source?.close();
  if (current?.id) fetch(`v1/jobs/${current.id}`, { method: "DELETE" }).catch(() => {});
  sessionStorage.removeItem("job");
  current = null;
}
export async function analyze(file, remarks = [], recorded = false) {
  if (current) remarks = [say("given_up", { old: current.name, new: file.name }), ...remarks];
  give_up();
  generation++;
  note(remarks.join(" "));
  clear();
  if (recorded) offer(say("the_recording"), file.name, file); // there is no other copy of it
  sent = file;
  if (file.size > model.most * 1e6) return fail(say("too_large", { file: file.name, most: model.most }), 413);
  const mine = current = { name: file.name, id: "", abort: new AbortController(), source: null };
  busy(true);
  $("status").textContent = say("uploading", { file: file.name });
  try {
    const body = new FormData();
    body.append("file", file);
    const query = new URLSearchParams({ format: model.formats.join(), text: $("text").checked });
    if ($("who").value) query.set("speakers", $("who").value);
    const response = await fetch(`v1/jobs?${query}`, { method: "POST", body, signal: mine.abort.signal });
    const job = await response.json();
    if (mine !== current) return;
    if (!response.ok) {
      current = null;
      return fail(job.error, response.status);
    }
    mine.id = job.id;
    sessionStorage.setItem("job", JSON.stringify({ id: job.id, name: job.name }));
    watch(mine);
  } catch (problem) {
    if (mine !== current) return;
    current = null;
    fail(say("gone", { problem: problem.message }), "gone");
  }
}
function watch(job) {
  busy(true);
  const source = job.source = new EventSource(`v1/jobs/${job.id}/events`);
  const mine = (call) => (event) => { if (job === current) call(JSON.parse(event.data)); };
  let known = 0;
  source.addEventListener("open", () => { known = 0; $("found").replaceChildren(); });
  source.addEventListener("state", mine((state) => {
    $("status").textContent = state.state === "queued" ? say("queued", { file: job.name, place: state.place || 1 }) : say("running", { file: job.name });
    const all = state.seconds;
    $("time").textContent = all ? say("done_of", { done: clock(state.seconds_done), all: clock(all) })
      : state.seconds_done ? say("done", { done: clock(state.seconds_done) }) : "";
    if (all) $("share").value = Math.min(1, state.seconds_done / all);
  }));
  source.addEventListener("segment", mine((segment) => {
    const line = made("li", "", $("found"));
    made("span", clock(segment.start), line, "when");
    made("span", segment.emotion, line, "felt").style.setProperty("--own", `var(--${segment.emotion}, transparent)`);
    made("span", segment.text, line).dir = "auto";
    if (++known % 5 === 0) line.scrollIntoView({ block: "nearest" });
  }));
  source.addEventListener("end", mine((state) => {
    source.close();
    finished(job, state);
  }));
  source.addEventListener("error", () => {
    if (job !== current) return;
    if (source.readyState === EventSource.CLOSED) fail(say("gone", { problem: "events" }), "gone");
    else $("status").textContent = say("reconnecting", { file: job.name }); // it does so by itself
  });
}
async function finished(job, state) {
  current = null; // it is done: what comes next has no reason to stop it
  const mine = generation;
  if (state.state !== "done") {
    sessionStorage.removeItem("job");
    return fail(state.error || say("stopped", { file: job.name }));
  }
  const stem = job.name.replace(/\.[^.]*$/, "") || job.name;
  const order = [...FIRST.filter((name) => state.formats.includes(name)), ...state.formats.filter((name) => !FIRST.includes(name))];
  for (const format of order) {
    const response = await fetch(`v1/jobs/${job.id}/result?format=${format}`);
    const content = response.ok ? await response.text() : (await response.json()).error;
    if (mine !== generation) return; // another recording has come
    if (!response.ok) return fail(content, response.status);
    offer(described(format), `${stem}.${format}`, content, !FIRST.includes(format));
    if (format === "html") show(content);
  }
}
function show(content) {
  busy(false);
  $("shown")?.remove();
  const frame = document.createElement("iframe");
  Object.assign(frame, { id: "shown", title: say("result_title"), sandbox: "allow-scripts allow-downloads", srcdoc: content });
  announce(frame);
  $("analyse").after(frame);
  document.body.classList.add("shown");
}
export function again() {
  if (sent) analyze(sent);
}
export function stop() {
  const name = current?.name;
  give_up();
  clear();
  busy(false);
  if (name) note(say("stopped", { file: name }));
}
export async function resume() { // the page was loaded again meanwhile
  const left = JSON.parse(sessionStorage.getItem("job") || "null");
  if (!left || current) return;
  const known = await fetch(`v1/jobs/${left.id}`);
  if (generation) return; // somebody was faster
  if (known.ok) watch(current = { ...left, abort: new AbortController(), source: null });
  else sessionStorage.removeItem("job");
}
