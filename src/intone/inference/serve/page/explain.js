// What a shown result asks about one of its sentences -> the service -> the answer, to the frame that asked.
import { say } from "./words.js";

let asked = null; // ends the request that is being answered
export function announce(frame) { // it is of no origin, so that its scripts reach nothing of the service by themselves
  frame.addEventListener("load", () => frame.contentWindow.postMessage({ service: true }, "*"));
}
export function forget() {
  asked?.abort();
}
export async function explain({ number, emotion, sound }, frame) {
  const body = new FormData();
  body.append("file", new Blob([sound], { type: "audio/wav" }), "sentence.wav");
  const { signal } = asked = new AbortController();
  let answer;
  try {
    answer = await (await fetch(`v1/saliency?${new URLSearchParams({ emotion })}`, { method: "POST", body, signal })).json();
  } catch (problem) {
    answer = { error: say("gone", { problem: problem.message }) };
  }
  frame.contentWindow?.postMessage({ explained: { number, answer } }, "*");
}
