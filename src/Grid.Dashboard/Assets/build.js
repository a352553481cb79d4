// A build's page: its events fill waterfall and log; what the server knows better is read again when they say that it changed.
"use strict";

function watchBuild(page) {
  const waterfall = new Waterfall(page.querySelector("[data-waterfall]"));
  const log = new Log(page);
  const ended = page.dataset.ended !== undefined;
  const announcement = page.querySelector("[data-announce]");
  const changes = new Set(["build-queued", "build-moved", "phase-started", "phase-finished", "step-started", "step-finished", "build-finished"]);
  const source = listen(page.dataset.build, "after", { message(news) {
    const event = JSON.parse(news.data);
    const at = new Date(event.at);
    waterfall.add(event, at);
    if (event.event === "output") log.add(event.phase, event.text, event.isError);
    if (event.event === "step-started" && !event.waitsForAnother) log.step(event.phase, stepName(event.step));
    if (!ended && changes.has(event.event)) parts.refresh();
    // For who does not see the page: each phase as it begins, and the end.
    if (!ended && event.event === "phase-started") announcement.textContent = `Build: ${words(event.phase)}`;
    if (event.event !== "build-finished") return;
    if (!ended) announcement.textContent = `The build has ended: ${words(event.state)}`;
    source.close();
    waterfall.end(at);
  } });
}

/** How long a build has been going on. */
function since() {
  for (const place of document.querySelectorAll("[data-since]")) place.textContent = seconds(Date.now() - new Date(place.dataset.since));
}

watchBuild(document.querySelector("[data-build]"));
since();
setInterval(since, 1000);
document.addEventListener("grid:parts", since);
