// The page's texts, and what makes and fills its nodes.
export const $ = (id) => document.getElementById(id);
export const texts = await (await fetch("page/text.json")).json();
export const say = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const made = (tag, text, parent, name = "") => {
  const node = document.createElement(tag);
  node.textContent = text;
  if (name) node.className = name;
  parent.append(node);
  return node;
};
export const clock = (seconds) => {
  const s = Math.floor(seconds);
  const rest = String(s % 60).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
};
for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
