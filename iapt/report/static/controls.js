// What JavaScript adds to a page: choosing, the address that reproduces a view, messages. The pages are whole without.
// What a kind of page does with a choice is in its own file.
"use strict";
{
  const { getArea } = iapt.lookup;
  const { escapeHtml } = iapt.cells;
  const view = document.getElementById("view");
  const form = document.getElementById("controls");
  const page = document.body.dataset;
  const kind = iapt.pages[page.kind];
  document.documentElement.classList.add("js");

  // ---- data: a script a file, since a page opened from a disk may not fetch -----------------------------------------

  const loading = {};
  const isLoaded = (name) => (name === "site" ? Boolean(iapt.site) : name in iapt.data);

  /** What a data file holds, loaded once. */
  function load(name) {
    if (isLoaded(name)) return Promise.resolve(iapt.data[name]);
    loading[name] =
      loading[name] ||
      new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `${page.root}data/${name}.js`;
        script.addEventListener("load", () => resolve(iapt.data[name]));
        script.addEventListener("error", () => {
          delete loading[name];
          reject(new Error(`${script.src} could not be read`));
        });
        document.head.append(script);
      });
    return loading[name];
  }

  // ---- the address -------------------------------------------------------------------------------------------------

  const readQuery = () => new URLSearchParams(location.search);

  /** Write what is chosen into the address, as a new entry of the history or in place of the newest. */
  function remember(fields, replace) {
    const query = new URLSearchParams(fields.filter(([, value]) => value));
    const text = query.toString().replace(/%2F/g, "/");
    const file = location.pathname.split("/").pop();
    const address = text ? `?${text}` : file;
    if (address === (location.search || file)) return;
    history[replace ? "replaceState" : "pushState"](null, "", address);
  }

  // ---- what is shown -----------------------------------------------------------------------------------------------

  const NARROW_WIDTH = 560;
  /** The width of a drawing, in CSS pixels. */
  const chooseWidth = () => (view && view.clientWidth < NARROW_WIDTH ? 360 : 760);

  const setHidden = (id, isHidden) => {
    document.getElementById(id).hidden = isHidden;
  };

  /** Messages that all can see; screen readers say them at once. */
  function showMessages(messages) {
    const box = document.getElementById("message");
    box.textContent = messages.join(" ");
    box.hidden = !messages.length;
  }

  /** Tell what is shown now to those who do not see the page change. */
  const announce = (text) => {
    document.getElementById("announced").textContent = text;
  };

  function enrich() {
    view.querySelectorAll("figure.chart").forEach((figure) => iapt.addChartReader(figure));
    view.querySelectorAll("table.sortable").forEach((table) => iapt.addSorting(table, announce));
  }

  function show(drawn) {
    view.innerHTML = drawn.html;
    document.getElementById("title").textContent = drawn.title;
    document.title = `${drawn.title} - ${page.site}`;
    enrich();
  }

  /** Fill a list of choices, each a value and its text. */
  function fillSelect(select, choices, chosen) {
    select.innerHTML = choices
      .map(([value, text]) => {
        const selected = value === chosen ? " selected" : "";
        return `<option value="${escapeHtml(value)}"${selected}>${escapeHtml(text)}</option>`;
      })
      .join("");
  }

  // ---- organisations -----------------------------------------------------------------------------------------------

  const listAreas = (report, family) =>
    iapt.site.areas.filter((area) => area.family === family && area.reports.includes(report));

  function formatArea(area) {
    const code = area.family === "england" ? "" : ` (${area.code})`;
    return `${area.name}${code}${area.ended ? `, ended ${area.ended}` : ""}`;
  }

  /** Offer the kinds of organisations, some of them where `only` names them, and those of the chosen one's kind. */
  function fillAreas(report, chosen, only) {
    const { family } = getArea(chosen);
    const select = form.elements.org;
    // A list of hundreds is written once for a kind of organisation, not at every choice from it.
    if (select.dataset.family === family) {
      select.value = chosen;
      return;
    }
    select.dataset.family = family;
    const families = iapt.site.families.filter(
      ({ slug }) => (!only || only.includes(slug)) && listAreas(report, slug).length,
    );
    fillSelect(
      form.elements.family,
      families.map(({ slug, label }) => [slug, label]),
      family,
    );
    fillSelect(
      select,
      listAreas(report, family).map((area) => [area.id, formatArea(area)]),
      chosen,
    );
    setHidden("org-field", family === "england");
  }

  /** The organisation that the address asks for, or the page's own with a message. */
  function chooseArea(report, messages, only) {
    const id = readQuery().get("org") || page.area;
    const area = getArea(id);
    if (area && area.reports.includes(report) && (!only || only.includes(area.family))) return id;
    const name = area ? area.name : `“${id}”`;
    messages.push(`${name} has no figures in this report: ${getArea(page.area).name} is shown.`);
    return page.area;
  }

  // ---- begin -------------------------------------------------------------------------------------------------------

  let updates = 0;
  /** Show what the address asks for. Of several at once, the last alone is announced. */
  async function redraw(replace) {
    updates += 1;
    const current = updates;
    try {
      const title = await kind.update(controls, replace);
      if (current === updates) announce(`Now shown: ${title}.`);
    } catch (error) {
      const advice = "Reload the page, or choose another organisation.";
      showMessages([`The figures could not be loaded (${error.message}). ${advice}`]);
    }
  }

  function handleChange({ target }) {
    if (kind.handleChange && kind.handleChange(controls, target)) return;
    const { elements } = form;
    if (target.name === "family") {
      const [first] = listAreas(page.report, elements.family.value);
      elements.org.dataset.family = "";
      fillSelect(elements.org, [[first.id, first.name]], first.id);
    }
    const read = (name) => (elements[name] ? elements[name].value : "");
    const org = read("org");
    const chosen = kind.listKeptValues(readQuery(), target.name, read);
    remember([["org", org === page.area ? "" : org], ...chosen]);
    redraw(true);
  }

  const controls = {
    chooseArea,
    chooseWidth,
    fillAreas,
    fillSelect,
    form,
    load,
    page,
    readQuery,
    redraw,
    remember,
    setHidden,
    show,
    showMessages,
  };

  if (form && kind) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", handleChange);
    form.addEventListener("click", ({ target }) => kind.handleClick && kind.handleClick(controls, target));
    addEventListener("popstate", () => redraw(true));
    let drawnWidth = chooseWidth();
    addEventListener("resize", () => {
      if (chooseWidth() === drawnWidth) return;
      drawnWidth = chooseWidth();
      redraw(true);
    });
    redraw(true);
  }
}
