// Runs beside the page's own thread: passes on the microphone's samples, a tenth of a second at a time.
class Passing extends AudioWorkletProcessor {
  constructor() {
    super();
    this.parts = [];
    this.count = 0;
  }

  process([[channel]]) {
    if (!channel) return true;
    this.parts.push(channel.slice());
    this.count += channel.length;
    if (this.count >= sampleRate / 10) {
      const whole = new Int16Array(this.count);
      let at = 0;
      for (const part of this.parts) for (const x of part) whole[at++] = Math.max(-32768, Math.min(32767, Math.round(32767 * x)));
      this.port.postMessage(whole.buffer, [whole.buffer]);
      this.parts = [];
      this.count = 0;
    }
    return true;
  }
}
registerProcessor("passing", Passing);
