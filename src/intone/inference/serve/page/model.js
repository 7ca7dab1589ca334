// The model that answers, and its card.
import { $, made, say } from "./words.js";

export let model = { most: Infinity, formats: ["html", "json"], words: false };
export async function learn() {
  model = await (await fetch("v1/model")).json();
}
export function card() {
  const box = $("model");
  made("h1", say("card_facts"), box);
  const list = made("dl", "", box);
  const fact = (key, value) => {
    if (!value && value !== 0) return;
    made("dt", say(`card_${key}`), list);
    made("dd", String(value), list);
  };
  fact("name", model.model);
  fact("licence", model.licence);
  fact("labels", (model.labels || []).join(", "));
  fact("trained_on", model.trained_on);
  fact("languages", (model.languages || []).join(", "));
  fact("words", say(model.words ? "words_on" : "words_off"));
  fact("adapts", say(model.adapts ? "yes" : "no"));
  fact("unsure", model.unsure_below);
  for (const line of model.facts || []) made("p", line, box, "quiet");
  made("h2", say("limits"), box);
  made("p", say("limits_text"), box);
}
