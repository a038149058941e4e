// Makes the shop better where scripts run; everything works without. Values come from the server: this file decides nothing.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Says what another value would change, before it is applied.
  function hint(form) {
    const select = form.querySelector("select");
    const target = form.querySelector(".hint");
    const initial = select.value;
    let asking;
    const quiet = () => {
      asking?.abort();
      form.classList.remove("changed");
      target.replaceChildren();
    };
    form.addEventListener("reset", quiet);
    form.addEventListener("reset", () => select.focus());
    select.addEventListener("change", async () => {
      quiet();
      if (select.value === initial) return;
      form.classList.add("changed");
      asking = new AbortController();
      const query = new URLSearchParams(new FormData(form));
      try {
        const answer = await fetch(document.body.dataset.base + "preview?" + query, {
          headers: { "Shop-Part": "effect" }, signal: asking.signal,
        });
        if (answer.ok && answer.headers.has("Shop-Part")) target.innerHTML = await answer.text();
      } catch {
        // No hint, then: the button still works.
      }
    });
  }

  // Fills the form in with a sample customer.
  function sample(link) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById("email").value = link.dataset.email;
      document.getElementById("password").value = link.dataset.password;
      document.getElementById("submit").focus();
    });
  }

  // A new quantity counts at once; without scripts a button says so.
  function quantity(form) {
    form.elements.quantity.addEventListener("change", () => {
      if (form.reportValidity()) form.requestSubmit(form.elements.set);
    });
  }

  // Tells the other tabs of this shop that the session is another one, and is told.
  function tabs() {
    const { tenant, revision } = document.body.dataset;
    if (!tenant || !window.BroadcastChannel) return;
    const channel = new BroadcastChannel("shop-" + tenant);
    channel.addEventListener("message", (event) => {
      if (event.data !== revision) document.getElementById("other-tab").hidden = false;
    });
    channel.postMessage(revision);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form.picker").forEach(hint);
    document.querySelectorAll("form.quantity").forEach(quantity);
    document.querySelectorAll("a.sample").forEach(sample);
    tabs();
    // A reload shall not say again what was done.
    const url = new URL(location.href);
    if (url.searchParams.has("done")) {
      url.searchParams.delete("done");
      url.searchParams.delete("at");
      history.replaceState(null, "", url);
    }
  });
})();
