// Keeps a page up to date: listens to the hub's events, reads the page again when one concerns it, and changes in place what differs.
// What has the focus, what was typed, what is open and what is being read stays. Without this file every page works as it is.
(() => {
  "use strict";
  const main = document.getElementById("main");
  if (!main || !main.dataset.live || !window.EventSource) return;
  const types = main.dataset.liveTypes ? main.dataset.liveTypes.split(" ") : null;
  const pause = 300; // ms: several events in a moment are one reading
  let timer = 0, reading = false, again = false;

  const concerns = (e) => {
    if (types && !types.includes(e.type)) return false;
    const customer = main.dataset.liveCustomer;
    return !customer || !e.data.customers || e.data.customers.includes(customer);
  };

  // kept says what must not be touched: somebody writes in it, has it open, or reads a body that the page alone does not have.
  const kept = (e) => e.matches("li") && e.querySelector(".body, .problem") || e.matches("form, input, textarea, select") && e.contains(document.activeElement) ||
    e.matches("textarea, select, input:not([type=hidden])") && e.value !== e.defaultValue && e.defaultValue !== undefined;

  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.nodeType !== 1 || a.id === b.id);

  // change makes a like b, keeping every node that can stay: nodes with an id are found again wherever they moved.
  const change = (a, b) => {
    if (a.isEqualNode(b)) return;
    if (a.nodeType !== 1) { a.nodeValue = b.nodeValue; return; }
    if (kept(a)) return;
    const open = a.matches("details") && a.open;
    for (const x of [...a.attributes]) if (!b.hasAttribute(x.name)) a.removeAttribute(x.name);
    for (const x of [...b.attributes]) if (a.getAttribute(x.name) !== x.value) a.setAttribute(x.name, x.value);
    if (open) a.open = true;
    let at = a.firstChild;
    for (const want of [...b.childNodes]) {
      const have = want.nodeType === 1 && want.id ? [...a.children].find((c) => c.id === want.id) : at && same(at, want) ? at : null;
      if (!have) { a.insertBefore(document.importNode(want, true), at); continue; }
      if (have === at) at = at.nextSibling; else a.insertBefore(have, at);
      change(have, want);
    }
    while (at) { const next = at.nextSibling; if (at.nodeType !== 1 || !at.matches(".flash") && !at.contains(document.activeElement)) at.remove(); at = next; }
  };

  // The line that is being read stays where it is in the window, whatever comes above it.
  const anchor = () => {
    const active = document.activeElement;
    if (active && active !== document.body && active !== main && main.contains(active)) return active;
    return window.scrollY > 0 ? [...main.querySelectorAll("[id]")].find((e) => e.getBoundingClientRect().top >= 0) : null;
  };

  const read = async () => {
    if (reading) { again = true; return; }
    reading = true;
    try {
      const answer = await fetch(main.dataset.live, { headers: { Accept: "text/html", "Seneschal-Live": "1" }, redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!fresh) return;
      const hold = anchor(), before = hold && hold.getBoundingClientRect().top;
      change(main, fresh);
      if (hold && hold.isConnected) window.scrollBy({ top: hold.getBoundingClientRect().top - before, behavior: "instant" });
      document.title = page.title;
      document.getElementById("live").textContent = "The page was brought up to date.";
    } catch { /* the hub is away for a moment: the stream comes back by itself, and then the page is read */ } finally {
      reading = false;
      if (again) { again = false; read(); }
    }
  };

  const soon = () => { clearTimeout(timer); timer = setTimeout(read, pause); };
  const told = (m) => { try { if (concerns(JSON.parse(m.data))) soon(); } catch { soon(); } };
  const source = new EventSource("/api/v1/events");
  let broken = false;
  source.onerror = () => { broken = true; };
  source.onopen = () => { document.documentElement.dataset.live = "on"; if (broken) { broken = false; soon(); } };
  for (const name of ["connection.needs_reauth", "connection.needs_admin", "connection.healthy", "connection.grants_changed", "secret.expiring", "feed.lagging", "feed.item_parked",
    "message.received", "calendar.event.changed", "alarm.raised", "alarm.resolved", "gap", ...types ?? []]) source.addEventListener(name, told);
})();
