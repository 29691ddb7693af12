// Counts, in the browser, what comes: each event has a number, so what is missing or comes twice is seen.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const count = { got: 0, lost: 0, twice: 0 };
  const delays = [];
  let last = null, isLive = false, arrived = performance.now(), caught = 0, away = 0;
  const show = (name, text) => {
    const shown = document.querySelector(`[data-shows="${name}"]`);
    if (shown.textContent !== text) shown.textContent = text;
  };

  function take(event) {
    const now = performance.now(), number = Number(event.value);
    count.got += 1;
    if (event.dataset.missed) {
      count.lost += Number(event.dataset.missed);
      last = number;
    }
    else if (last !== null && number <= last) count.twice += 1;
    else if (last !== null) count.lost += number - last - 1;
    const isReplayed = "replayed" in event.dataset;
    if (isReplayed && isLive) {  // and is not what came while the page was loading
      if (now - arrived > 500) { caught = 0; away = now - arrived; }
      caught += 1;
    } else if (!isReplayed) {
      isLive = true;
      delays.push(Math.max(0, Date.now() - Number(event.dataset.time)));
      if (delays.length > 60) delays.shift();
    }
    last = Math.max(last ?? 0, number);
    arrived = now;
  }

  function tell() {
    const silent = (performance.now() - arrived) / 1000;
    const sorted = [...delays].sort((a, b) => a - b);
    for (const [name, number] of Object.entries(count)) show(name, String(number));
    document.querySelector(".delivery").classList.toggle("faulty", count.lost + count.twice > 0);
    show("delay", sorted.length ? `${Math.round(sorted[sorted.length >> 1])} ms` : "–");
    show("caught", silent > 2.5 ? `Nothing came for ${Math.round(silent)} s` :
      caught ? `Caught up with ${caught} ${caught === 1 ? "event" : "events"} after ${(away / 1000).toFixed(1)} s` : "");
  }

  new MutationObserver((changes) => {
    for (const change of changes)
      for (const added of change.addedNodes)
        if (added.localName === "data") take(added);
    tell();
  }).observe(document.querySelector('[sse-swap="pulse"]'), { childList: true, subtree: true });
  setInterval(tell, 500);
});
