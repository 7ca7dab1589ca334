// Tabs, by arrow keys too.
import { showExperiment } from "./experiment.js";
import { stop as stopLive } from "./live.js";
import { $, made, say } from "./words.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
export function select(id) {
  for (const tab of tabs) {
    const on = tab.getAttribute("aria-controls") === id;
    tab.ariaSelected = on;
    tab.tabIndex = on ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !on;
  }
  if ($("shown")) $("shown").hidden = id !== "analyse";
  if (id !== "live") stopLive();
  if (id === "experiment") showExperiment($("experiment"), say, made);
}
tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => select(tab.getAttribute("aria-controls")));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs.at(to % tabs.length);
    next.focus();
    select(next.getAttribute("aria-controls"));
  });
});
