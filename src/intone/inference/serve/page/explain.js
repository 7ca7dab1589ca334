// What a shown result asks about one of its sentences -> the service -> the answer, to the frame that asked.
export function offer(frame) { // the frame is of no origin, so that its scripts reach nothing of the service by themselves
  frame.addEventListener("load", () => frame.contentWindow.postMessage({ service: true }, "*"));
}
export async function explain({ number, emotion, sound }, frame, gone) {
  const body = new FormData();
  body.append("file", new Blob([sound], { type: "audio/wav" }), "sentence.wav");
  let answer;
  try {
    answer = await (await fetch(`v1/saliency?${new URLSearchParams({ emotion })}`, { method: "POST", body })).json();
  } catch (problem) {
    answer = { error: gone(problem) };
  }
  frame.contentWindow?.postMessage({ explained: { number, answer } }, "*");
}
