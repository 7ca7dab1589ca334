// Files to save: what was found in each format, and what was recorded here.
import { $, made, say, texts } from "./words.js";

export const FIRST = ["html", "csv", "srt"]; // formats that most people want; the others are folded away
export const described = (name) => (texts[`format_${name}`] ? say("format", { what: say(`format_${name}`), name: name.toUpperCase() }) : name);
export function offer(text, name, content, further = false) {
  if (!$("files").hasChildNodes()) {
    made("span", `${say("save")} `, $("files"));
    const more = made("details", "", $("files"));
    more.hidden = true;
    made("summary", say("formats_more"), more);
  }
  const more = $("files").querySelector("details");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content]));
  link.download = link.title = name;
  link.textContent = text;
  if (further) more.append(link, " ");
  else more.before(link, " ");
  if (further) more.hidden = false;
}
export function clear() {
  for (const link of $("files").querySelectorAll("a")) URL.revokeObjectURL(link.href);
  $("files").replaceChildren();
}
