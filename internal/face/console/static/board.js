// Lets slots be dragged on the board, and moved by Alt with the arrow keys. Both send the same form; without this file each slot's own form does it.
(() => {
  "use strict";
  const form = document.getElementById("move");
  const main = document.getElementById("main");
  if (!form || !main) return;
  let dragged = null;

  const move = (slot, cell) => {
    const here = slot.closest("td");
    if (!cell || cell === here) return;
    form.elements.external_id.value = slot.dataset.slot;
    form.elements.technician.value = cell.dataset.technician === here.dataset.technician ? "" : cell.dataset.technician;
    form.elements.day.value = cell.dataset.day === here.dataset.day ? "" : cell.dataset.day;
    sessionStorage.setItem("moved", slot.id);
    form.submit();
  };

  // meets says whether another slot of the cell is at the same time.
  const meets = (slot, cell) => [...cell.querySelectorAll("[data-from]")].some((o) => (o.dataset.slot || o.dataset.part) !== slot.dataset.slot && o.dataset.from < slot.dataset.to && slot.dataset.from < o.dataset.to);
  const clear = () => main.querySelectorAll("td.over").forEach((c) => { c.classList.remove("over", "meets"); delete c.dataset.meets; });

  // ask has the hub say what the slot would meet there, the calendar included, once the pointer rests on the cell. Dropped there, its form says it again.
  const pause = 200; // ms
  let timer = 0;
  const ask = (slot, cell) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const at = new URLSearchParams({ external_id: slot.dataset.slot, technician: cell.dataset.technician, day: cell.dataset.day });
      const answer = await fetch("/dispatch/meets?" + at, { redirect: "error" }).catch(() => null);
      const words = answer && answer.ok ? await answer.text() : "";
      if (!words || !cell.classList.contains("over")) return;
      cell.classList.add("meets");
      cell.dataset.meets = words;
    }, pause);
  };

  main.addEventListener("dragstart", (e) => {
    dragged = e.target.closest("[data-slot]");
    if (dragged) e.dataTransfer.setData("text/plain", dragged.dataset.slot);
  });
  main.addEventListener("dragover", (e) => {
    const cell = e.target.closest("td[data-day]");
    if (!dragged || !cell) return;
    e.preventDefault();
    if (cell.classList.contains("over")) return;
    clear();
    cell.classList.add("over");
    cell.classList.toggle("meets", meets(dragged, cell));
    if (cell !== dragged.closest("td")) ask(dragged, cell);
  });
  main.addEventListener("dragend", () => { clearTimeout(timer); dragged = null; clear(); });
  main.addEventListener("drop", (e) => {
    const cell = e.target.closest("td[data-day]");
    if (!dragged || !cell) return;
    e.preventDefault();
    move(dragged, cell);
  });

  main.addEventListener("keydown", (e) => {
    const slot = e.target.closest("[data-slot]");
    if (!slot || !e.altKey) return;
    const cell = slot.closest("td"), row = cell.parentElement, at = [...row.children].indexOf(cell);
    const next = { ArrowLeft: () => cell.previousElementSibling, ArrowRight: () => cell.nextElementSibling,
      ArrowUp: () => row.previousElementSibling && row.previousElementSibling.children[at], ArrowDown: () => row.nextElementSibling && row.nextElementSibling.children[at] }[e.key];
    if (!next) return;
    e.preventDefault();
    const to = next();
    if (to && to.dataset.day) move(slot, to);
  });

  const moved = sessionStorage.getItem("moved"), back = moved && document.getElementById(moved);
  sessionStorage.removeItem("moved");
  if (back) back.focus();
})();
