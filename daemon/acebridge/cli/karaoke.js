(function () {
  "use strict";
  var song = document.getElementById("song"), last = null;
  var calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  function timed(element) { return { element: element, start: Number(element.dataset.start), end: Number(element.dataset.end) }; }
  function all(selector, inside) { return Array.prototype.map.call(inside.querySelectorAll(selector), timed); }
  var lines = all(".line", document);
  lines.forEach(function (line) {
    line.words = all(".word", line.element);
    line.element.addEventListener("click", function () { go(line.start); });
  });
  // Browsers keep positions in whole parts of a second of their own: a millisecond before a line counts as in it.
  function now() { return song.currentTime + 0.001; }
  function go(time) {
    var end = isFinite(song.duration) ? song.duration : Infinity;
    song.currentTime = Math.max(0, Math.min(time, end));
    show();
  }
  function mark(part, time) {
    var on = time >= part.start && time < part.end;
    part.element.classList.toggle("now", on);
    part.element.classList.toggle("past", time >= part.end);
    return on;
  }
  function show() {
    var time = now(), current = null;
    lines.forEach(function (line) {
      var on = mark(line, time);
      line.words.forEach(function (word) { mark(word, time); });
      if (on) { line.element.setAttribute("aria-current", "true"); } else { line.element.removeAttribute("aria-current"); }
      if (on) { current = line; }
    });
    if (current && current !== last) {
      current.element.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
    }
    last = current;
  }
  function follow() {
    show();
    if (!song.paused && !song.ended) { requestAnimationFrame(follow); }
  }
  ["seeking", "seeked", "timeupdate", "pause", "ended"].forEach(function (name) { song.addEventListener(name, show); });
  song.addEventListener("play", follow);
  song.addEventListener("error", function () {
    document.getElementById("note").textContent = "This browser cannot play the song, or its file is not where it was.";
  });
  function toLine(step) {
    var at = lines.filter(function (line) { return line.start <= now(); }).length - 1 + step;
    if (lines.length) {
      var line = lines[Math.max(0, Math.min(at, lines.length - 1))];
      line.element.focus({ preventScroll: true });
      go(line.start);
    }
  }
  var keys = {
    " ": function () { if (song.paused) { song.play().catch(show); } else { song.pause(); } },
    ArrowUp: function () { toLine(-1); },
    ArrowDown: function () { toLine(1); },
    ArrowLeft: function () { go(song.currentTime - 5); },
    ArrowRight: function () { go(song.currentTime + 5); }
  };
  document.addEventListener("keydown", function (event) {
    if (event.target === song || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) { return; }
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  // A button would be pressed by the space bar as well.
  document.addEventListener("keyup", function (event) {
    if (event.key === " " && event.target !== song) { event.preventDefault(); }
  });
  show();
})();
