/** Peaks and loudness of recordings, away from the page's own thread. See measure.js, which sends the samples. */

import { LoudnessMeter } from "./loudness.js";
import { PeakMeter } from "./peaks.js";

/** @type {Map<number, {peaks: PeakMeter, loudness: LoudnessMeter}>} */
const meters = new Map();

self.onmessage = ({ data }) => {
  if (data.kind === "push") {
    if (!meters.has(data.id)) { meters.set(data.id, { peaks: new PeakMeter(), loudness: new LoudnessMeter(data.rate) }); }
    const meter = meters.get(data.id), spans = meter.peaks.push(data.channels);
    meter.loudness.push(data.channels);
    self.postMessage({ id: data.id, turn: data.turn, spans }, [spans.low.buffer, spans.high.buffer, spans.rms.buffer]);
  } else if (data.kind === "loudness") {
    const lufs = meters.has(data.id) ? meters.get(data.id).loudness.lufs() : null;
    self.postMessage({ id: data.id, turn: data.turn, lufs });
  } else if (data.kind === "forget") {
    meters.delete(data.id);
  }
};
