(function () {
  "use strict";
  // Every sound plays all the time, from one start on one clock; the levels say which is heard. So a change keeps the place.
  var FADE_S = 0.005, LEAD_S = 0.02, STEP_S = 5, LATE_S = 0.05;
  document.documentElement.classList.add("js");
  var context = null, choice = null, waiting = null, playing = false, place = 0, drawing = false;
  // Where on the clock and in the music it started, both in frames.
  var origin = null;
  var equal = document.getElementById("equal"), bar = document.getElementById("bar");

  function all(selector, inside) { return Array.prototype.slice.call(inside.querySelectorAll(selector)); }
  function nothing() {}

  // ---- rows and sets ----

  var players = all(".player", document).map(function (box) {
    return {
      box: box, name: box.dataset.name, sound: box.dataset.sound, at: Number(box.dataset.at),
      length: Number(box.dataset.length), match: Math.pow(10, Number(box.dataset.match) / 20), mute: false, solo: false,
      seek: box.querySelector(".seek"), buffer: null, loading: null, source: null, gain: null, level: 0, broken: false
    };
  });
  function choiceOf(box, name, rows, along) {
    return {
      box: box, name: name, rows: rows, along: along, key: box.dataset.key, button: box.querySelector(".play"),
      time: box.querySelector("time"),
      start: Math.min.apply(null, rows.concat(along).map(function (p) { return p.at; })),
      end: Math.max.apply(null, rows.concat(along).map(function (p) { return p.at + p.length; }))
    };
  }
  var single = players.map(function (p) { return choiceOf(p.box, p.name, [p], []); });
  var sets = all(".set", document).map(function (box) {
    var rows = players.filter(function (p) { return box.contains(p.box); });
    var along = players.filter(function (p) { return box.dataset.along && p.sound === box.dataset.along; });
    var made = choiceOf(box.querySelector(".together"), box.dataset.name, rows, along);
    rows.forEach(function (p) { p.set = made; });
    return made;
  });
  // In the order of the page.
  var choices = single.concat(sets).sort(function (a, b) {
    return a.box.compareDocumentPosition(b.box) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1;
  });
  var whole = Math.max.apply(null, choices.map(function (c) { return c.end; }));

  function isHeard(p, c) {
    var isIn = c.rows.indexOf(p) >= 0;
    if (sets.indexOf(c) < 0) { return isIn; }
    if (c.rows.some(function (each) { return each.solo; })) { return isIn && p.solo; }
    return isIn ? !p.mute : c.along.indexOf(p) >= 0;
  }
  function levelOf(p) {
    if (!choice || !isHeard(p, choice)) { return 0; }
    return equal && equal.checked ? p.match : 1;
  }

  // ---- loading ----

  var arrived = {};
  // What a script beside the page calls with its audio.
  window.acebridgeSound = function (text) { arrived[document.currentScript.getAttribute("src")] = text; };
  function textOf(name) {
    var element = document.getElementById(name);
    if (element) { return Promise.resolve(element.textContent); }
    return new Promise(function (done, fail) {
      var script = document.createElement("script");
      script.src = name;
      script.onload = function () { done(arrived[name]); delete arrived[name]; script.remove(); };
      script.onerror = fail;
      document.head.appendChild(script);
    });
  }
  function bytesOf(text) {
    var held = atob(text), bytes = new Uint8Array(held.length);
    for (var i = 0; i < held.length; i++) { bytes[i] = held.charCodeAt(i); }
    return bytes.buffer;
  }
  function decode(bytes) {
    return new Promise(function (done, fail) {
      var promise = context.decodeAudioData(bytes, done, fail);
      if (promise) { promise.then(done, fail); }
    });
  }
  function load(p) {
    if (!p.loading) {
      p.loading = textOf(p.sound).then(bytesOf).then(decode).then(function (buffer) {
        p.buffer = buffer;
        join(p);
      }).catch(function () { p.broken = true; draw(); });
    }
    return p.loading;
  }
  function isReady(c) { return c.rows.concat(c.along).every(function (p) { return p.buffer || p.broken; }); }
  function ready(c) { return Promise.all(c.rows.concat(c.along).map(load)); }
  function loadRest() {
    players.reduce(function (before, p) { return before.then(function () { return load(p); }); }, Promise.resolve());
  }

  // ---- playing ----

  function openContext() {
    if (context) { return; }
    var rate = Number(document.body.dataset.rate);
    try { context = new AudioContext({ sampleRate: rate }); } catch (error) { context = new AudioContext(); }
  }
  function nowFrame() { return Math.ceil(context.currentTime * context.sampleRate); }
  function position() {
    if (!origin) { return place; }
    return (origin.place + Math.max(0, context.currentTime * context.sampleRate - origin.frame)) / context.sampleRate;
  }
  function leave(p) {
    if (!p.source) { return; }
    fade(p, 0);
    p.source.stop(context.currentTime + 2 * FADE_S);
    p.source = null;
  }
  function fade(p, level) {
    var gain = p.gain.gain, at = context.currentTime;
    gain.cancelScheduledValues(at);
    gain.setValueAtTime(p.level, at);
    gain.linearRampToValueAtTime(level, at + FADE_S);
    p.level = level;
  }
  // Starts a sound at its place in what plays, or will play.
  function join(p) {
    if (!origin || !p.buffer || p.source) { return; }
    var rate = context.sampleRate, lead = Math.round(LEAD_S * rate);
    var frame = Math.max(origin.frame, nowFrame() + lead);
    var inside = origin.place + frame - origin.frame - Math.round(p.at * rate);
    if (inside >= p.buffer.length) { return; }
    var source = context.createBufferSource(), gain = context.createGain(), level = levelOf(p);
    if (inside < 0) { frame -= inside; inside = 0; }
    source.buffer = p.buffer;
    source.connect(gain);
    gain.connect(context.destination);
    // The middle of a recording fades in, its beginning is as it is.
    gain.gain.setValueAtTime(inside > 0 ? 0 : level, context.currentTime);
    if (inside > 0) {
      gain.gain.setValueAtTime(0, frame / rate);
      gain.gain.linearRampToValueAtTime(level, frame / rate + FADE_S);
    }
    source.start(frame / rate, inside / rate);
    p.source = source;
    p.gain = gain;
    p.level = level;
  }
  function startAt(time) {
    players.forEach(leave);
    origin = {
      frame: nowFrame() + Math.round(LEAD_S * context.sampleRate), place: Math.round(time * context.sampleRate)
    };
    players.forEach(join);
    follow();
  }
  function halt() {
    place = position();
    origin = null;
    players.forEach(leave);
  }
  function pause() {
    playing = false;
    waiting = null;
    halt();
    draw();
    setTimeout(function () { if (!playing && context.suspend) { Promise.resolve(context.suspend()).catch(nothing); } }, 100);
  }
  function play() {
    openContext();
    choice = choice || choices[0];
    playing = true;
    Promise.resolve(context.resume()).catch(nothing);
    if (isReady(choice)) { startAt(inChoice(place)); return; }
    draw();
    ready(choice).then(function () {
      if (playing && !origin) { startAt(inChoice(place)); }
      loadRest();
    });
  }
  function inChoice(time) { return time < choice.start || time > choice.end - LATE_S ? choice.start : time; }
  // Chooses what is heard. What plays goes on until the other can.
  function choose(next) {
    waiting = next;
    if (!playing || isReady(next)) { settle(next); return; }
    draw();
    ready(next).then(function () { if (waiting === next) { settle(next); } });
  }
  function settle(next) {
    var here = position();
    waiting = null;
    choice = next;
    if (origin && inChoice(here) === here) { setLevels(); } else if (playing) { startAt(inChoice(here)); }
    else { place = inChoice(here); }
    draw();
  }
  function setLevels() {
    players.forEach(function (p) {
      var level = levelOf(p);
      if (p.source && level !== p.level) { fade(p, level); }
    });
  }
  function seek(time) {
    place = Math.max(0, Math.min(time, whole));
    if (origin) { startAt(place); }
    draw();
  }
  function toggle(c) {
    if (playing && (waiting || choice) === c) { pause(); return; }
    if (playing) { choose(c); return; }
    choice = c;
    play();
  }

  // ---- showing ----

  function clock(s) { return Math.floor(s / 60) + ":" + ("0" + Math.floor(s % 60)).slice(-2); }
  function follow() {
    if (drawing) { return; }
    drawing = true;
    requestAnimationFrame(function step() {
      drawing = false;
      if (origin && position() >= choice.end) { pause(); place = choice.start; }
      draw();
      if (origin) { follow(); }
    });
  }
  function draw() {
    var here = position();
    document.body.style.setProperty("--at", 100 * here / whole + "%");
    document.body.classList.toggle("started", here > 0 || playing);
    players.forEach(function (p) {
      p.seek.value = here;
      p.seek.setAttribute("aria-valuetext", clock(here));
      p.box.classList.toggle("silent", Boolean(choice && playing && !isHeard(p, choice)));
    });
    choices.forEach(function (c) {
      var on = playing && (waiting || choice) === c;
      c.box.classList.toggle("playing", on);
      c.box.classList.toggle("chosen", choice === c);
      if (choice === c) { c.box.setAttribute("aria-current", "true"); } else { c.box.removeAttribute("aria-current"); }
      c.button.setAttribute("aria-label", (on ? "Pause " : "Play ") + c.name);
      if (c.rows.some(function (p) { return p.broken; })) { c.time.textContent = "cannot be played here"; }
      else if (waiting === c || choice === c && playing && !origin) { c.time.textContent = "loading"; }
      else if (choice === c) { c.time.textContent = clock(here) + " / " + clock(whole); }
    });
    if (bar) {
      bar.querySelector("output").textContent = clock(here) + " / " + clock(whole);
      bar.querySelector(".play").setAttribute("aria-label", playing ? "Pause" : "Play");
      bar.classList.toggle("playing", playing);
      bar.querySelector(".now").textContent = choice ? choice.name : "";
    }
  }

  // ---- what a person does ----

  // Behind a click of the mouse the space bar is to play and pause, not to press that button again.
  function onPress(button, act) {
    button.addEventListener("click", function (event) {
      if (event.detail > 0) { button.blur(); }
      act();
    });
  }
  choices.forEach(function (c) { onPress(c.button, function () { toggle(c); }); });
  players.forEach(function (p) { p.seek.addEventListener("input", function () { seek(Number(p.seek.value)); }); });
  ["mute", "solo"].forEach(function (what) {
    players.forEach(function (p) {
      var button = p.box.querySelector("." + what);
      if (!button) { return; }
      onPress(button, function () {
        p[what] = !p[what];
        button.setAttribute("aria-pressed", String(p[what]));
        if (choice !== p.set) { choose(p.set); } else { setLevels(); }
        draw();
      });
    });
  });
  if (equal) {
    equal.addEventListener("change", function () {
      document.body.classList.toggle("unequal", !equal.checked);
      setLevels();
    });
  }
  function playOrPause() { if (playing) { pause(); } else { play(); } }
  if (bar) { onPress(bar.querySelector(".play"), playOrPause); }
  function chooseByKey(c) {
    if (document.activeElement.matches(".row .play")) { c.button.focus({ preventScroll: true }); }
    choose(c);
  }
  function step(by) {
    var at = choices.indexOf(waiting || choice);
    chooseByKey(choices[Math.max(0, Math.min(choices.length - 1, at + by))]);
  }
  var keys = {
    " ": playOrPause,
    ArrowLeft: function () { seek(position() - STEP_S); },
    ArrowRight: function () { seek(position() + STEP_S); },
    ArrowUp: function () { step(-1); },
    ArrowDown: function () { step(1); },
    Home: function () { seek(0); },
    l: function () { if (equal) { equal.click(); } }
  };
  choices.forEach(function (c) { if (c.key) { keys[c.key] = function () { chooseByKey(c); }; } });
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.prototype.hasOwnProperty.call(keys, event.key)) { return; }
    // A button and a box to tick have a use of their own for the space bar.
    if (event.key === " " && event.target.closest("button, [type=checkbox]")) { return; }
    event.preventDefault();
    keys[event.key]();
  });
  draw();
})();
