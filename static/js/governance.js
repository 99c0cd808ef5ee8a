// What the pages need beyond htmx and Tabler. Every page also works without it.
"use strict";

// A form marked data-drop-empty leaves out empty fields, so that the URL holds only what was chosen.
document.addEventListener("formdata", (event) => {
  if (!event.target.hasAttribute("data-drop-empty")) return;
  for (const [name, value] of [...event.formData.entries()]) {
    if (value === "") event.formData.delete(name);
  }
});

// A form marked data-once is sent once, even when its button is pressed twice.
document.addEventListener("submit", (event) => {
  if (!event.target.hasAttribute("data-once")) return;
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// htmx asks for a part of a page. A whole page in answer (signed out, not found, an error) is shown
// by going there instead of being put into the middle of this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  const answer = event.detail.xhr;
  if (!/^\s*<!doctype/i.test(answer.responseText)) return;
  event.detail.shouldSwap = false;
  window.location.assign(answer.responseURL);
});

// "/" leads to the search box, but not out of a field; the desk has a search of its own.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = document.getElementById("search-box");
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (isTyping || !box?.offsetParent || document.getElementById("desk")) return;
  event.preventDefault();
  box.select();
});
