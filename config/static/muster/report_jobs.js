// “My reports” refreshes itself while something is being made: slower as time goes on, and only while somebody looks.
document.addEventListener("DOMContentLoaded", () => {
  const open = () => [...document.querySelectorAll("[data-report-open]")];
  if (!open().length) return;
  const list = location.pathname.replace(/[0-9]+\/change\/$/, "");
  let pause = 1000;

  async function look() {
    const cells = open();
    if (!cells.length) return;
    if (document.visibilityState === "visible") {
      const ids = cells.map((cell) => cell.dataset.reportJob).join(",");
      try {
        const reply = await fetch(`${list}progress/?ids=${ids}`, { headers: { Accept: "application/json" } });
        const told = reply.ok && !reply.redirected ? await reply.json() : null;
        // Signed out meanwhile, or something is over: the page itself knows what to show.
        if (!told || cells.some((cell) => !told[cell.dataset.reportJob]?.open)) return location.reload();
        cells.forEach((cell) => { cell.outerHTML = told[cell.dataset.reportJob].html; });
      } catch {
        // The server is away for a moment.
      }
    }
    pause = Math.min(pause * 1.1, 10000);
    setTimeout(look, pause);
  }
  setTimeout(look, pause);
});
