/** Draws waveforms into a canvas, in the colours of the style sheet. */

/**
 * Fits a canvas to its place on the page and returns its context, whose unit is a pixel of CSS; null where it is not shown.
 * @param {HTMLCanvasElement} canvas
 */
export function openCanvas(canvas) {
  const { width, height } = canvas.getBoundingClientRect(), scale = window.devicePixelRatio || 1;
  if (!width || !height) { return null; }
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  return { context, width, height };
}

/** @param {Element} element @param {string} name Of a custom property, without the dashes. @param {string} otherwise */
export function colour(element, name, otherwise) {
  return getComputedStyle(element).getPropertyValue(`--${name}`).trim() || otherwise;
}

/**
 * Draws peaks over the whole width: lowest to highest, and the RMS level over them.
 * @param {CanvasRenderingContext2D} context
 * @param {{low: Float32Array, high: Float32Array, rms: Float32Array}} peaks
 * @param {{left?: number, width: number, height: number, gain?: number, colour: string}} where
 */
export function drawPeaks(context, peaks, { left = 0, width, height, gain = 1, colour: fill }) {
  const middle = height / 2, columns = peaks.low.length, step = width / columns;
  const y = (level) => middle - Math.max(-1, Math.min(1, level * gain)) * (middle - 1);
  context.fillStyle = fill;
  for (const [alpha, low, high] of [[0.5, (i) => peaks.low[i], (i) => peaks.high[i]],
    [1, (i) => -peaks.rms[i], (i) => peaks.rms[i]]]) {
    context.globalAlpha = alpha;
    context.beginPath();
    for (let i = 0; i < columns; i++) {
      if (peaks.low[i] > peaks.high[i]) { continue; }
      const top = Math.min(y(high(i)), middle - 0.5), bottom = Math.max(y(low(i)), middle + 0.5);
      context.rect(left + i * step, top, step + 0.3, bottom - top);
    }
    context.fill();
  }
  context.globalAlpha = 1;
}
