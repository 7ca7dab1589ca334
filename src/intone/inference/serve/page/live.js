// The microphone over a WebSocket: the emotion of what was said last, as it changes.
let on = null; // {socket, context, stream, shown}
let asked = 0; // how often it was started or stopped: a microphone that comes too late is given back

export function stop() {
  asked++;
  if (!on) return;
  const { socket, context, stream, shown } = on;
  on = null;
  for (const track of stream.getTracks()) track.stop();
  context.close();
  if (socket.readyState < 2) socket.close();
  shown();
}

export async function start({ $, say, made, plain, labels }) {
  if (on) return stop();
  const mine = ++asked;
  $("live-said").textContent = "";
  let stream, context;
  const back = () => {
    for (const track of stream?.getTracks() || []) track.stop();
    context?.close();
  };
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    if (mine !== asked) return back();
    context = new AudioContext({ sampleRate: 16000 });
    await context.audioWorklet.addModule("page/microphone.js");
    if (mine !== asked) return back();
    const place = new URL("v1/stream", location.href);
    place.protocol = place.protocol.replace("http", "ws");
    const socket = new WebSocket(place);
    const shown = () => {
      $("hear").textContent = say("live_start");
      $("hear").classList.remove("on");
    };
    on = { socket, context, stream, shown };
    $("hear").textContent = say("live_stop");
    $("hear").classList.add("on");
    const bars = new Map(labels.map((label) => {
      const line = made("div", "", $("live-bars"), "probability");
      made("span", label, line);
      const fill = made("span", "", made("span", "", line, "bar"), "fill");
      fill.style.background = `var(--${label}, currentColor)`;
      return [label, [fill, made("span", "", line)]];
    }));
    $("live-bars").replaceChildren(...[...bars.values()].map(([fill]) => fill.closest(".probability")));
    const node = new AudioWorkletNode(context, "passing", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => { if (socket.readyState === 1) socket.send(data); };
    context.createMediaStreamSource(stream).connect(node);
    socket.onmessage = ({ data }) => heard(JSON.parse(data), bars, { $, say, made });
    socket.onclose = ({ reason, code }) => {
      if (on?.socket !== socket) return; // it was stopped here
      $("live-said").textContent = reason || $("live-said").textContent || say("gone", { problem: code });
      stop();
    };
  } catch (problem) {
    if (on) stop();
    else back();
    $("live-said").textContent = say("no_microphone", { problem: problem.message });
  }
}

function heard(found, bars, { $, say, made }) {
  if (found.error) {
    $("live-said").textContent = found.error;
    return stop();
  }
  if (found.state === "end") {
    const share = `${Math.round(100 * found.confidence)} %`;
    made("li", say("utterance", { emotion: found.emotion, share }), $("utterances"));
    return;
  }
  const told = found.emotion || say("live_silence");
  if ($("now").textContent !== told) $("now").textContent = told; // a screen reader says it once
  $("now").style.color = found.emotion ? `var(--${found.emotion}, inherit)` : "";
  $("live-said").textContent = found.adapted ? say("live_adapted", { count: found.adapted }) : "";
  for (const [label, [fill, share]] of bars) {
    const p = found.probabilities?.[label] || 0;
    fill.style.width = `${100 * p}%`;
    share.textContent = `${Math.round(100 * p)} %`;
  }
}
