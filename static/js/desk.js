// The desk: keys, the case beside the list, counts that refresh quietly. Without it every link and
// form of the page still works.
"use strict";

(() => {
  const desk = document.getElementById("desk");
  if (!desk) return;

  const byId = (id) => document.getElementById(id);
  const list = byId("desk-list");
  const pane = byId("desk-pane");
  const live = byId("desk-live");
  const notice = byId("desk-notice");
  const help = byId("desk-help");
  const beside = window.matchMedia("(min-width: 1200px)"); // list and case side by side

  const say = (text) => {
    live.textContent = text;
  };

  // --- the list ---

  const rows = () => [...list.querySelectorAll(".desk-row")];
  const linkOf = (row) => row.querySelector(".desk-row-link");

  // The row that has the focus, else the one that is open.
  const current = () =>
    document.activeElement.closest?.(".desk-row") ?? list.querySelector(".desk-row.is-open");

  const step = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const at = all.indexOf(current());
    const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1);
    linkOf(all[next]).focus();
    all[next].scrollIntoView({ block: "nearest" });
  };

  const markOpen = () => {
    const shown = pane.querySelector(".desk-case")?.dataset.case;
    for (const row of rows()) {
      const isOpen = row.dataset.case === shown;
      row.classList.toggle("is-open", isOpen);
      if (isOpen) linkOf(row).setAttribute("aria-current", "true");
      else linkOf(row).removeAttribute("aria-current");
    }
    desk.classList.toggle("desk-with-case", Boolean(shown));
  };

  // --- the case beside it ---

  const isDirty = () =>
    [...pane.querySelectorAll("#step textarea, #step input:not([type=hidden]), #step select")].some(
      (field) => {
        if (field.type === "checkbox" || field.type === "radio") {
          return field.checked !== field.defaultChecked;
        }
        if (field.options) {
          const chosen = [...field.options].findIndex((option) => option.defaultSelected);
          return field.selectedIndex !== Math.max(chosen, 0);
        }
        return field.value.trim() !== field.defaultValue.trim();
      },
    );

  const mayLeave = () =>
    !isDirty() || window.confirm("填写的内容还没有提交，离开就会丢失。仍要离开吗？");

  const open = (link) => {
    if (!mayLeave()) return;
    const row = link.closest(".desk-row");
    if (row.classList.contains("is-open")) {
      byId("case-title")?.focus();
      return;
    }
    const title = row.querySelector(".desk-row-title").textContent.trim();
    window.htmx
      .ajax("GET", link.href, { source: link, target: pane, swap: "innerHTML" })
      .then(() => say(`已打开：${title}`));
  };

  list.addEventListener("click", (event) => {
    const link = event.target.closest(".desk-row-link");
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!link || !isPlain || event.altKey || !beside.matches) return;
    event.preventDefault();
    open(link);
  });

  const closeStep = () => {
    const form = byId("step");
    if (!form?.firstElementChild || !mayLeave()) return false;
    form.replaceChildren();
    byId("case-title").focus({ preventScroll: true });
    return true;
  };

  pane.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-step]") && closeStep()) event.preventDefault();
  });

  // --- menus ---

  const openMenus = () => [...desk.querySelectorAll("details.menu[open]")];
  const closeMenus = (except) => {
    for (const menu of openMenus()) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  pane.addEventListener("htmx:beforeRequest", () => closeMenus());

  // --- ticks for a dispatch in bulk ---

  const MOST = 50;
  let ticked = new Set();
  const boxes = () => [...list.querySelectorAll(".desk-tick input")];
  const countTicks = () => {
    const button = byId("desk-bulk-button");
    if (!button) return;
    const number = boxes().filter((box) => box.checked).length;
    byId("desk-ticked").textContent = number ? ` ${number} 件` : "";
    button.disabled = number === 0 || number > MOST;
    button.classList.toggle("btn-primary", number > 0);
  };
  list.addEventListener("change", countTicks);

  // --- what htmx brings ---

  // Queue and filters as they stand in the URL now; the pane may have been drawn under others.
  const queueNow = () => {
    const query = new URLSearchParams(window.location.search);
    query.delete("case");
    return query.toString();
  };

  document.addEventListener("htmx:configRequest", (event) => {
    const { detail } = event;
    // The case in the pane stays in the URL when the list beside it changes.
    if (detail.target === list && beside.matches) {
      const shown = pane.querySelector(".desk-case")?.dataset.case;
      if (shown) detail.parameters.case = shown;
    }
    // After a step the desk goes on in the queue that is shown.
    if (detail.target.id === "step") detail.path = `${detail.path.split("?")[0]}?${queueNow()}`;
  });

  byId("desk-save-view").addEventListener("submit", (event) => {
    event.target.action = `${event.target.action.split("?")[0]}?${queueNow()}`;
  });

  const isPage = (answer) => /^\s*<!doctype/i.test(answer.responseText);

  const warn = (text) => {
    const box = document.createElement("div");
    box.className = "alert alert-warning desk-said";
    box.setAttribute("role", "alert");
    const link = document.createElement("a");
    link.href = "/";
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = "打开新窗口登录";
    box.append(text, link);
    notice.replaceChildren(box);
  };

  // Signed out meanwhile: the page stays, and with it what was typed.
  desk.addEventListener("htmx:beforeSwap", (event) => {
    const isQuiet = event.target.id === "desk-poll" || event.detail.requestConfig.verb === "post";
    if (!isQuiet || !isPage(event.detail.xhr)) return;
    event.detail.shouldSwap = false;
    event.stopPropagation();
    warn("登录可能已经过期，没有办成。填写的内容还在；");
  });

  desk.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target === list) {
      ticked = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
    }
  });

  desk.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id === "desk-list") {
      ticked = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
    }
  });

  const listChanged = () => {
    for (const box of boxes()) box.checked = ticked.has(box.value);
    ticked = new Set();
    countTicks();
    markOpen();
  };

  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id === "desk-list") listChanged();
    if (event.detail.target.id === "desk-notice") hideNoticeLater();
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === list) listChanged();
    if (event.detail.target !== pane) return;
    markOpen();
    pane.scrollTop = 0;
    // After a step the form that had the focus is gone: the next case takes it.
    if (!document.activeElement || document.activeElement === document.body) {
      byId("case-title")?.focus({ preventScroll: true });
      list.querySelector(".desk-row.is-open")?.scrollIntoView({ block: "nearest" });
    }
  });

  let hiding = 0;
  const hideNoticeLater = () => {
    window.clearTimeout(hiding);
    hiding = window.setTimeout(() => notice.replaceChildren(), 10_000);
  };

  // A form that did not reach the server may be sent again.
  desk.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form[data-sent]");
    if (form) delete form.dataset.sent;
    if (event.detail.failed && !event.detail.xhr.status && form) {
      warn("没有连上服务器，请稍后再试。填写的内容还在；");
    }
  });

  // --- counts ---

  const countsNow = () =>
    new Map(
      [...desk.querySelectorAll(".desk-count")].map((count) => [count.id, count.dataset.count]),
    );
  let before = countsNow();

  byId("desk-poll").addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  byId("desk-poll").addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful || isPage(event.detail.xhr)) return;
    const now = countsNow();
    const chosen = desk.querySelector(".desk-chip[aria-current] .desk-count");
    const changes = [];
    for (const chip of desk.querySelectorAll(".desk-chip")) {
      const count = chip.querySelector(".desk-count");
      if (before.get(count.id) !== now.get(count.id)) {
        changes.push(chip.textContent.replace(/\s+/g, " ").trim());
      }
    }
    if (chosen && before.get(chosen.id) !== now.get(chosen.id)) {
      byId("desk-refresh")?.removeAttribute("hidden");
    }
    before = now;
    if (changes.length) say(`队列有变化：${changes.join("，")}`);
  });

  // --- keys ---

  const press = (key) => pane.querySelector(`[data-key="${key}"]`)?.click();

  const inList = () => {
    const at = document.activeElement;
    return at === document.body || list.contains(at);
  };

  // The help sheet is made from this list. `when` says where a key works; elsewhere it is left alone.
  const KEYS = [
    { keys: ["j"], also: ["J"], label: "下一件", run: () => step(1) },
    { keys: ["k"], also: ["K"], label: "上一件", run: () => step(-1) },
    { keys: ["ArrowDown"], shown: ["↓"], label: "在列表中向下", when: inList, run: () => step(1) },
    { keys: ["ArrowUp"], shown: ["↑"], label: "在列表中向上", when: inList, run: () => step(-1) },
    {
      keys: ["Enter"],
      label: "打开这一件；已打开的，转到详情",
      when: () => document.activeElement.matches(".desk-row-link"),
      run: () => document.activeElement.click(),
    },
    {
      keys: ["x"],
      also: ["X"],
      label: "勾选这一件，用于批量交办",
      run: () => current()?.querySelector(".desk-tick input")?.click(),
    },
    {
      keys: [..."1234567890"],
      shown: ["1", "…", "9", "0"],
      label: "办理按钮；0 为其他操作",
      run: press,
    },
    {
      keys: ["r"],
      also: ["R"],
      label: "刷新列表和数字",
      run: () => {
        byId("desk-refresh").click();
        window.htmx.trigger("#desk-poll", "visibilitychange");
      },
    },
    { keys: ["/"], label: "搜索", run: () => byId("desk-filters").q.focus() },
    { keys: ["?"], also: ["？"], label: "显示这张表", run: () => help.showModal() },
    {
      keys: ["Escape"],
      shown: ["Esc"],
      label: "关闭菜单和表单，回到列表",
      run: () => {
        const menu = openMenus()[0];
        if (menu) {
          closeMenus();
          menu.querySelector("summary").focus();
        } else if (!closeStep()) {
          const row = list.querySelector(".desk-row.is-open");
          if (row) linkOf(row).focus();
        }
      },
    },
  ];

  const isTyping = (at) =>
    at.matches("textarea, select, [contenteditable]") ||
    (at.matches("input") && !["checkbox", "radio", "button", "submit"].includes(at.type));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.isComposing || event.keyCode === 229 || isTyping(event.target) || help.open) return;
    const binding = KEYS.find(
      ({ keys, also = [], when }) => [...keys, ...also].includes(event.key) && (!when || when()),
    );
    if (!binding) return;
    event.preventDefault();
    binding.run(event.key);
  });

  const keys = byId("desk-help-keys");
  for (const { keys: names, shown = names, label } of KEYS) {
    const term = document.createElement("dt");
    for (const name of shown) {
      const key = document.createElement("kbd");
      key.textContent = name.length === 1 ? name.toUpperCase() : name;
      term.append(key);
    }
    const words = document.createElement("dd");
    words.textContent = label;
    keys.append(term, words);
  }
  const helpButton = byId("desk-help-button");
  helpButton.hidden = false;
  helpButton.addEventListener("click", () => help.showModal());

  desk
    .querySelector(".desk-chip[aria-current]")
    ?.scrollIntoView({ block: "nearest", inline: "center" });
  countTicks();
})();
