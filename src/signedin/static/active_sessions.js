// What the Active Sessions page does better with a script; without one everything works, too.

const root = document.querySelector(".as[data-as]");
if (root) start(JSON.parse(root.dataset.as));

function start(words) {
  const find = (selector, within = root) => within.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const say = (key, values = {}) => {
    const message = Array.isArray(words[key]) ? words[key][values.n === 1 ? 0 : 1] : words[key];
    return message.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  };
  const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

  // ── times: in the zone of the profile, else of the browser; ticking without a sound ──

  const zone = words.zone || Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
  const clock = format({ hour: "2-digit", minute: "2-digit" });
  const day = format({ year: "numeric", month: "short", day: "numeric" });
  const full = format({ year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  const parts = (formatter, time) => Object.fromEntries(formatter.formatToParts(time).map((part) => [part.type, part.value]));
  const date = (time) => { const p = parts(day, time); return { ...p, month: p.month.slice(0, 3) }; };
  const days = (from, to) => {
    const midnight = (time) => Date.parse(new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(time));
    return Math.round((midnight(to) - midnight(from)) / 864e5);
  };
  const hour = (time) => clock.format(time) + (zone === "UTC" ? " UTC" : "");
  const told = {
    ago: (then, now) => (now - then <= 3e5 ? say("active_now") : told.past(then, now)),
    past(then, now) {
      const minutes = Math.floor((now - then) / 6e4);
      if (minutes < 1) return say("just_now");
      if (minutes < 60) return say("minutes_ago", { n: minutes });
      const n = days(then, now);
      if (n === 0) return say("hours_ago", { n: Math.floor(minutes / 60) });
      return n === 1 ? say("yesterday", { time: hour(then) }) : say("days_ago", { n });
    },
    since(then, now) {
      const n = days(then, now);
      if (n < 2) return say(n === 1 ? "signed_in_yesterday" : "signed_in_today", { time: hour(then) });
      const d = date(then);
      const year = d.year === date(now).year ? "" : ` ${d.year}`;
      return say("signed_in_on", { date: `${d.day} ${d.month}${year}`, time: hour(then) });
    },
    full(then) {
      const p = parts(full, then);
      return `${p.day} ${p.month.slice(0, 3)} ${p.year}, ${p.hour}:${p.minute} ${p.timeZoneName}`;
    },
  };
  const tick = () => {
    const now = new Date();
    for (const element of all("[data-as-time]")) {
      const then = new Date(element.dateTime);
      const text = told[element.dataset.asTime](then, now);
      if (element.textContent !== text) element.textContent = text;
      if (element.title) element.title = told.full(then);
    }
  };
  for (const element of all("[data-as-zone]")) element.textContent = zone;
  tick();
  setInterval(tick, 3e4);

  // ── selecting ──

  const everything = find("[data-as-all]");
  const bulk = find(".as-bulk");
  const boxes = () => all(".as-pick input:not(:disabled)");
  const count = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    if (!bulk) return;
    everything.checked = chosen > 0 && chosen === boxes().length;
    everything.indeterminate = chosen > 0 && !everything.checked;
    bulk.classList.toggle("as-bulk-open", chosen > 0);
    find("[data-as-selected]").textContent = chosen ? say("selected", { n: chosen }) : "";
  };
  if (bulk) {
    for (const element of [find(".as-all"), find("[data-as-selected]"), find("[data-as-clear]")]) element.hidden = false;
    const choose = (checked) => { for (const box of boxes()) box.checked = checked; count(); };
    everything.addEventListener("change", () => choose(everything.checked));
    find("[data-as-clear]").addEventListener("click", () => { choose(false); everything.focus(); });
    let last = null;
    root.addEventListener("click", (event) => {
      if (!event.target.matches(".as-pick input")) return;
      const list = boxes();
      if (event.shiftKey && list.includes(last)) {
        const [from, to] = [list.indexOf(last), list.indexOf(event.target)].sort((a, b) => a - b);
        for (const box of list.slice(from, to + 1)) box.checked = event.target.checked;
      }
      last = event.target;
      count();
    });
    count();
  }

  // ── revoking one: a question, then the row goes ──

  const dialog = find("dialog");
  if (!dialog) return;
  const live = find("[data-as-told]");
  const tell = (title, text, kind = "ok") => {
    const flash = make("div", `as-flash as-flash-${kind}`);
    const line = make("p", "");
    line.append(make("b", "", title), " ", make("span", "", text));
    const away = Object.assign(make("button", "as-dismiss", "×"), { type: "button", ariaLabel: say("dismiss") });
    away.addEventListener("click", () => { flash.remove(); find("#as-others").focus(); });
    flash.append(line, away);
    live.replaceChildren(flash);
  };
  const remove = (row) => {
    const next = row.nextElementSibling || row.previousElementSibling;
    const focus = next ? find(".as-go button", next) : find("#as-others");
    row.classList.add("as-gone");
    const done = () => {
      row.remove();
      known.delete(row.dataset.asRow);
      const n = find("[data-as-count]");
      n.textContent = Math.max(Number(n.textContent) - 1, 0);
      count();
      if (!find(".as-row")) location.reload();
    };
    focus.focus();
    matchMedia("(prefers-reduced-motion: reduce)").matches ? done() : setTimeout(done, 220);
  };
  const revoke = async (row, form) => {
    const buttons = row.querySelectorAll("button");
    row.setAttribute("aria-busy", "true");
    for (const button of buttons) button.disabled = true;
    const title = find("h3 bdi", row).textContent;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } });
      const said = await answer.json();
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw said;
      if (said.revoked) tell(say("flash_revoked", { title }), say(said.remember_tokens_revoked_for_users ? "flash_forgot" : "flash_stay"));
      else tell(say("flash_already_ended"), "", "info");
      remove(row);
    } catch (problem) {
      if (problem.detail) tell(problem.detail, "", "bad");
      else tell(say("unknown_answer"), say("unknown_answer_text"), "bad");
      row.removeAttribute("aria-busy");
      for (const button of buttons) button.disabled = false;
    }
  };
  root.addEventListener("submit", (event) => {
    const form = event.target;
    const row = form.closest(".as-row");
    if (!row || !form.matches(".as-go")) return;
    event.preventDefault();
    const title = find("h3 bdi", row).textContent;
    const text = make("p", "");
    text.append(make("b", "", title));
    for (const part of row.querySelectorAll(".as-facts dd")) text.append(make("span", "", part.textContent));
    find("[data-as-mini]").replaceChildren(find(".as-picture", row).cloneNode(true), text);
    find("[data-as-is-out]").textContent = say("is_signed_out", { title });
    dialog.returnValue = "";
    dialog.onclose = () => { if (dialog.returnValue === "revoke") revoke(row, form); };
    dialog.showModal();
  });

  // ── looking again: every half minute while somebody looks; nothing moves under the pointer ──

  const known = new Set(all("[data-as-row]").map((row) => row.dataset.asRow));
  const elsewhere = new URLSearchParams(location.search).has("filter");
  let tag = "";
  let pause = 3e4;
  const look = async () => {
    if (document.visibilityState === "visible") {
      try {
        const headers = { Accept: "application/json", "Signedin-Passive": "1", "If-None-Match": tag };
        const answer = await fetch(words.list, { headers, cache: "no-store" });
        if (answer.status === 401) return location.reload();
        if (answer.ok) {
          tag = answer.headers.get("ETag") || "";
          compare((await answer.json()).sessions.filter((session) => !session.current));
        }
        pause = answer.ok || answer.status === 304 ? 3e4 : Math.min(pause * 2, 3e5);
      } catch {
        pause = Math.min(pause * 2, 3e5);
      }
    }
    setTimeout(look, pause);
  };
  const compare = (sessions) => {
    const there = new Set(sessions.map((session) => session.id));
    for (const row of all("[data-as-row]")) {
      if (there.has(row.dataset.asRow) || row.classList.contains("as-ended")) continue;
      row.classList.add("as-ended");
      find("h3", row).append(" ", make("span", "as-tag", say("ended_tag")));
      for (const control of row.querySelectorAll("button, input")) control.disabled = true;
    }
    const n = elsewhere ? 0 : sessions.filter((session) => !known.has(session.id)).length;
    if (n) {
      const line = make("p", "");
      line.append(make("b", "", say("new_sessions", { n })), " ", Object.assign(make("a", "", say("show_them", { n })), { href: words.list }));
      const flash = make("div", "as-flash as-flash-info");
      flash.append(line);
      live.replaceChildren(flash);
    }
    count();
  };
  setTimeout(look, pause);
}
