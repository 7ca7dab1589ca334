// Recording with the microphone, which is never left on.
import { analyze, note } from "./job.js";
import { $, clock, say } from "./words.js";

let asking = false; // the browser asks whether the microphone may be used
let recorder = null; // while it is on
export const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
// What a call wants, even loudness and no noise, is what a voice's emotion is heard by.
const hush = (stream) => { for (const track of stream.getTracks()) track.stop(); };
async function record() {
  let stream;
  asking = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    recorder = recording(stream);
  } catch (problem) {
    if (stream) hush(stream);
    note(say("no_microphone", { problem: problem.message }));
  } finally {
    asking = false;
  }
}
function recording(stream) {
  const made = new MediaRecorder(stream);
  const parts = [];
  const start = Date.now();
  const tick = () => { $("record").textContent = say("stop_recording", { time: clock((Date.now() - start) / 1000) }); };
  made.ondataavailable = (event) => parts.push(event.data);
  made.start();
  const timer = setInterval(tick, 200);
  made.onerror = () => { if (made.state === "recording") made.stop(); };
  // An error and an unplugged microphone end here too.
  made.onstop = () => {
    clearInterval(timer);
    hush(stream);
    recorder = null;
    $("record").textContent = say("record");
    $("record").classList.remove("on");
    const ending = /\/(\w+)/.exec(made.mimeType)?.[1] || "webm";
    analyze(new File(parts, `recording.${ending}`, { type: made.mimeType }), [], true);
  };
  $("record").classList.add("on");
  tick();
  return made;
}
$("record").hidden = !(navigator.mediaDevices && window.MediaRecorder);
$("record").addEventListener("click", (event) => {
  if (asking || event.detail > 1) return; // the second click of a double one says nothing new
  if (!recorder) record();
  else if (recorder.state === "recording") recorder.stop();
});
window.addEventListener("beforeunload", (event) => {
  if (recorder) event.preventDefault();
});
window.addEventListener("pagehide", () => {
  if (recorder) hush(recorder.stream);
});
