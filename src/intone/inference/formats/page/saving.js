// Saving what was found, with the names that were given.
function saved(kind) {
  const found = structuredClone(data);
  for (const name of ["peaks", "curve", "sound", "spectrogram", "emotions"]) delete found[name];
  for (const segment of found.segments) segment.speaker = segment.speaker && named(segment.speaker);
  const whole = [...found.segments, ...found.segments.flatMap((s) => s.words), ...(found.account?.left_out || [])];
  for (const one of begin ? whole : []) {
    for (const name of ["start", "end"]) one[name] = Math.round(1000 * (one[name] + begin)) / 1000;
  }
  if (kind === "json") return JSON.stringify(found, null, 1);
  const cell = (value) => `"${String(/^[=+@\t\r-]/.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
  const columns = ["start", "end", "speaker", "emotion", "confidence", "text"];
  const lines = found.segments.map((s) => columns.map((c) => (typeof s[c] === "number" ? s[c] : cell(s[c] ?? ""))).join());
  return [columns.join(), ...lines].join("\r\n");
}
function saving() {
  $("save").append(`${say("save")}: `);
  for (const kind of ["json", "csv"]) {
    const button = made("button", kind.toUpperCase(), $("save"));
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([saved(kind)], { type: "text/plain" }));
      link.download = `${data.file.replace(/\.\w+$/, "")}.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    $("save").append(" ");
  }
  if (speakers.length) made("span", say("saved_names"), $("save"), "quiet");
}
