// The live board: shows the numbers the page came with, and asks for fresh ones. No inline script or style anywhere.
"use strict";
(() => {
  const EVERY_MS = 15000;
  const board = document.querySelector("[data-board]");
  if (!board) return;
  const given = (id) => JSON.parse(document.getElementById(id).textContent);
  const states = given("board-states"), titles = given("board-titles");
  const places = board.querySelector("[data-places]"), trouble = board.querySelector("[data-trouble]");
  let shown = null;

  const element = (name, facts, ...children) => {
    const space = ["svg", "rect", "title"].includes(name) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
    const found = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(facts)) found.setAttribute(key, value);
    found.append(...children);
    return found;
  };

  // Everybody as one bar: the colours are those of the cards.
  const bar = (counts) => {
    const all = states.reduce((sum, state) => sum + counts[state], 0) || 1;
    const picture = element("svg", {viewBox: "0 0 1000 40", preserveAspectRatio: "none", role: "img", class: "board-picture"});
    let left = 0;
    for (const state of states) {
      const width = (1000 * counts[state]) / all;
      if (!width) continue;
      const part = element("rect", {x: left, y: 0, width, height: 40, class: `is-${state}`});
      part.append(element("title", {}, `${titles[state]}: ${counts[state]}`));
      picture.append(part);
      left += width;
    }
    return picture;
  };

  const show = (found) => {
    shown = found;
    board.querySelector("[data-clock]").textContent = found.clock;
    for (const cell of board.querySelectorAll("[data-total]")) cell.textContent = found.total[cell.dataset.total];
    places.replaceChildren(...found.places.map((place) => element("tr", {},
      element("th", {scope: "row"}, place.name), element("td", {class: "board-bar"}, bar(place.counts)),
      ...Object.keys(titles).map((name) => element("td", {}, String(place.counts[name]))))));
    board.querySelector("[data-empty]").hidden = found.places.length > 0;
    trouble.hidden = true;
    board.classList.remove("is-stale");
  };

  const ask = async () => {
    try {
      const reply = await fetch(board.dataset.board, {headers: {Accept: "application/json"}, redirect: "manual"});
      // Signed out, or the address was revoked: the page itself says so.
      if (reply.type === "opaqueredirect" || reply.status === 403 || reply.status === 404) return location.reload();
      if (!reply.ok) throw new Error(String(reply.status));
      show(await reply.json());
    } catch {
      trouble.textContent = `${board.dataset.stale} ${shown.clock}`;
      trouble.hidden = false;
      board.classList.add("is-stale");
    }
  };

  show(given("board-first"));
  setInterval(() => { if (!document.hidden) ask(); }, EVERY_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
})();
