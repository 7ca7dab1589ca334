"use strict";
// What was found in one recording (#data), shown with the texts of #text: listening, sentences, speakers, saving.
const $ = (id) => document.getElementById(id);
const read = (id) => JSON.parse($(id).textContent);
const data = read("data");
const texts = read("text");
const say = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const made = (tag, text, parent, name = "") => {
  const node = document.createElement(tag);
  node.textContent = text;
  if (name) node.className = name;
  parent.append(node);
  return node;
};
const clock = (seconds, fine = false) => {
  const s = fine ? Math.round(10 * seconds) / 10 : Math.round(seconds);
  const rest = (s % 60).toFixed(fine ? 1 : 0).padStart(fine ? 4 : 2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
};
const begin = data.part ? data.part.start : 0; // seconds of the recording before the sound that is in this page
const at = (seconds, fine = false) => clock(begin + seconds, fine);
const span = ({ start, end }) => `${at(start, true)} – ${at(end, true)}`;
const percent = (p) => `${Math.round(100 * p)} %`;
const language = (code) => {
  try { return new Intl.DisplayNames(["en"], { type: "language" }).of(code); } catch { return code; }
};
const listed = (names) => new Intl.ListFormat("en").format(names);
const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const lower = (text) => text.charAt(0).toLowerCase() + text.slice(1);
const emotions = data.emotions;
const segments = data.segments;
const account = data.account || {};
const gaps = account.left_out || [];
const length = Math.max(data.duration, account.length || 0, ...gaps.map((gap) => gap.end)) || 1;
const colour = (name) => getComputedStyle(document.body).getPropertyValue(`--${name}`).trim();
const names = new Map(); // a speaker as found -> the name that was given to it
const named = (speaker) => names.get(speaker) || speaker;
const speakers = [...new Set(segments.map((segment) => segment.speaker).filter(Boolean))];

function dot(name, parent) {
  const node = made("i", "", parent, emotions.includes(name) ? "dot" : `dot ${name}`);
  if (emotions.includes(name)) node.style.background = `var(--${name})`;
}
