// What JavaScript adds to a page: choosing, the address that reproduces a view, a reading of the chart by period,
// sorting. The pages are whole without it.
"use strict";
(function () {
  const { escape } = iapt.figures;
  const root = document.documentElement;
  const view = document.getElementById("view");
  const form = document.getElementById("choose");
  const said = document.getElementById("said");
  const page = document.body.dataset;
  root.classList.add("js");

  const NARROW = 560;
  const width = () => (view && view.clientWidth < NARROW ? 360 : 760);

  // ---- data: a script a file, since a page opened from a disk may not fetch ------------------------------------------

  const waiting = {};
  function load(name) {
    if (name === "site" ? iapt.site : iapt.data[name]) return Promise.resolve(iapt.data[name]);
    if (!waiting[name]) {
      waiting[name] = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `${page.root}data/${name}.js`;
        script.onload = () => resolve(iapt.data[name]);
        script.onerror = () => {
          delete waiting[name];
          reject(new Error(`${script.src} could not be read`));
        };
        document.head.append(script);
      });
    }
    return waiting[name];
  }

  // ---- the address -------------------------------------------------------------------------------------------------

  const asked = () => new URLSearchParams(location.search);

  function address(fields) {
    const query = new URLSearchParams();
    for (const [name, value] of fields) if (value) query.append(name, value);
    const text = query.toString().replace(/%2F/g, "/");
    return text ? `?${text}` : location.pathname.split("/").pop();
  }

  function remember(fields, replace) {
    const next = address(fields);
    if (next === (location.search || location.pathname.split("/").pop())) return;
    history[replace ? "replaceState" : "pushState"](null, "", next);
  }

  function say(messages) {
    said.textContent = "";
    if (messages.length) said.textContent = messages.join(" ");
    said.hidden = !messages.length;
  }

  /** Announce what is shown now to those who do not see the page change; visible messages are said in `said`. */
  const announce = (text) => {
    document.getElementById("announced").textContent = text;
  };

  function show(drawn) {
    view.innerHTML = drawn.html;
    document.getElementById("title").textContent = drawn.title;
    document.title = `${drawn.title} - ${page.site}`;
    enrich(view);
  }

  function options(select, entries, chosen) {
    select.innerHTML = entries
      .map(
        ([value, text]) =>
          `<option value="${escape(value)}"${value === chosen ? " selected" : ""}>${escape(text)}</option>`,
      )
      .join("");
  }

  // ---- organisations -----------------------------------------------------------------------------------------------

  const families = (report, only) =>
    iapt.site.families.filter(
      ([slug]) =>
        (!only || only.includes(slug)) && iapt.site.areas.some((one) => one[1] === slug && one[5].includes(report)),
    );
  const areasOf = (report, family) => iapt.site.areas.filter((one) => one[1] === family && one[5].includes(report));

  function offerAreas(report, chosen, only) {
    const family = iapt.figures.area(chosen).family;
    const select = form.elements.org;
    // A list of hundreds is written once for a kind of organisation, not at every choice from it.
    if (select.dataset.family === family) {
      select.value = chosen;
      return;
    }
    select.dataset.family = family;
    options(form.elements.family, families(report, only), family);
    options(
      select,
      areasOf(report, family).map((one) => [
        one[0],
        `${one[2]}${one[1] === "england" ? "" : ` (${one[3]})`}${one[6] ? `, ended ${one[6]}` : ""}`,
      ]),
      chosen,
    );
    document.getElementById("org-field").hidden = family === "england";
  }

  /** The organisation asked for, or the page's own with a message. */
  function areaAsked(report, messages, only) {
    const id = asked().get("org") || page.area;
    const found = iapt.figures.area(id);
    if (found && found.reports.includes(report) && (!only || only.includes(found.family))) return id;
    messages.push(
      `${found ? found.name : `“${id}”`} has no figures in this report: ${iapt.figures.area(page.area).name} is shown.`,
    );
    return page.area;
  }

  // ---- pages -------------------------------------------------------------------------------------------------------

  const pages = {
    async topic(replace) {
      const messages = [];
      await load("site");
      const report = page.report;
      const id = areaAsked(report, messages);
      const figures = await load(`${report}/${id}`);
      const wanted = {
        report,
        topic: page.topic,
        area: id,
        by: asked().get("by") || "",
        measure: asked().get("measure") || "",
        period: asked().get("period") || "",
        width: width(),
      };
      const { state, said: corrections } = iapt.views.topicState(wanted, figures);
      const choices = iapt.views.topicChoices(state, figures);
      offerAreas(report, id);
      options(
        form.elements.by,
        [["", "Everyone, by period"], ...choices.variables.map((one) => [one.type, one.label])],
        state.by,
      );
      document.getElementById("by-field").hidden = !choices.variables.length;
      options(
        form.elements.measure,
        choices.measures.map((one) => [one.slug, one.label]),
        state.measure,
      );
      options(
        form.elements.period,
        choices.periods.map((one) => [one.period, one.label]),
        state.period,
      );
      document.getElementById("measure-field").hidden = document.getElementById("period-field").hidden = !state.by;
      remember(
        [
          ["org", id === page.area ? "" : id],
          ["by", state.by],
          ["measure", state.by && state.measure],
          ["period", state.by && state.period],
        ],
        replace,
      );
      const drawn = iapt.views.topicView(state, figures);
      show(drawn);
      say([...messages, ...corrections]);
      return drawn.title;
    },

    async recovery(replace) {
      const messages = [];
      await load("site");
      const report = page.report;
      const only = [page.only];
      const id = areaAsked(report, messages, only);
      const figures = await load(`${report}/${id}`);
      const has = asked().has("with") || asked().has("area");
      const wanted = {
        report,
        area: id,
        width: width(),
        populations: has
          ? asked()
              .getAll("with")
              .filter((key) => key !== "none")
          : iapt.views.recoveryDefault(figures),
        areas: asked().getAll("area"),
      };
      const { state, said: corrections } = iapt.views.recoveryState(wanted, figures);
      const figuresOf = { [id]: figures };
      for (const other of state.areas) figuresOf[other] = await load(`${report}/${other}`);
      if (form.elements.org) offerAreas(report, id, only);
      offerComparison(state, figures);
      const usual = iapt.views.recoveryDefault(figures);
      const isUsual = !state.areas.length && usual.join() === state.populations.join();
      remember(
        [
          ["org", id === page.area ? "" : id],
          ...(isUsual ? [] : state.populations.map((key) => ["with", key])),
          ...(isUsual || state.populations.length || state.areas.length ? [] : [["with", "none"]]),
          ...state.areas.map((one) => ["area", one]),
        ],
        replace,
      );
      const drawn = iapt.views.recoveryView(state, figuresOf);
      show(drawn);
      say([...messages, ...corrections]);
      return drawn.title;
    },

    async map(replace) {
      await load("site");
      const data = await load(`map/${page.report}`);
      if (page.boundaries) await load("boundaries");
      const { state, said: corrections } = iapt.views.mapState(
        {
          report: page.report,
          measure: asked().get("measure") || "",
          period: asked().get("period") || "",
          width: width(),
        },
        data,
      );
      options(
        form.elements.measure,
        iapt.views.mapMeasures(state, data).map((one) => [one.slug, one.label]),
        state.measure,
      );
      options(
        form.elements.period,
        state.measure ? iapt.views.mapPeriods(state, data).map((one) => [one.period, one.label]) : [],
        state.period,
      );
      const usual = iapt.views.mapState({ report: page.report, measure: "", period: "" }, data).state;
      const isUsual = usual.measure === state.measure && usual.period === state.period;
      remember(
        isUsual
          ? []
          : [
              ["measure", state.measure],
              ["period", state.period],
            ],
        replace,
      );
      const drawn = iapt.views.mapView(state, data);
      show(drawn);
      say(corrections);
      return drawn.title;
    },
  };

  // ---- comparing recovery rates -----------------------------------------------------------------------------------

  function offerComparison(state, figures) {
    const { mostPopulations, mostAreas } = iapt.site.recovery;
    const populations = iapt.views.recoveryPopulations(figures);
    const groups = iapt.site.recovery.variables.map((type) => {
      const within = populations.filter((one) => one.key.startsWith(`${type}/`));
      if (!within.length) return "";
      const label = iapt.site.variables.find((one) => one[0] === type)[1];
      return `<fieldset><legend>${escape(label)}</legend>${within
        .map(
          (one) =>
            `<label class="choice"><input type="checkbox" name="with" value="${escape(one.key)}"${state.populations.includes(one.key) ? " checked" : ""}> ${escape(one.label)}</label>`,
        )
        .join("")}</fieldset>`;
    });
    document.getElementById("populations").innerHTML =
      groups.join("") || "<p>No other population has a recovery rate here.</p>";
    const full = state.populations.length >= mostPopulations;
    document.getElementById("populations-count").textContent =
      `${state.populations.length} of ${mostPopulations} chosen.${full ? " Take one away to choose another." : ""}`;
    for (const box of document.querySelectorAll("#populations input")) {
      if (full && !box.checked) box.setAttribute("aria-disabled", "true");
    }
    options(
      form.elements.other,
      [
        ["", "Choose an area"],
        ...iapt.site.areas
          .filter(
            (one) =>
              ["england", "icb"].includes(one[1]) &&
              one[5].includes(page.report) &&
              one[0] !== state.area &&
              !state.areas.includes(one[0]),
          )
          .map((one) => [one[0], one[2]]),
      ],
      "",
    );
    document.getElementById("areas-count").textContent = `${state.areas.length} of ${mostAreas} chosen.`;
    document.getElementById("areas").innerHTML = state.areas
      .map(
        (id) =>
          `<li>${escape(iapt.figures.area(id).name)} <button type="button" class="small" data-remove="${escape(id)}">Take away<span class="vh"> ${escape(iapt.figures.area(id).name)}</span></button></li>`,
      )
      .join("");
  }

  function chosenComparison() {
    return {
      populations: [...document.querySelectorAll("#populations input:checked")].map((box) => box.value),
      areas: [...document.querySelectorAll("[data-remove]")].map((button) => button.dataset.remove),
    };
  }

  function compare(populations, areas, focus) {
    const org = form.elements.org ? form.elements.org.value : "";
    remember([
      ["org", org === page.area ? "" : org],
      ...populations.map((key) => ["with", key]),
      ...(populations.length || areas.length ? [] : [["with", "none"]]),
      ...areas.map((id) => ["area", id]),
    ]);
    return redraw(true).then(() => {
      const found = focus && document.querySelector(focus);
      if (found) found.focus();
    });
  }

  function refuse(text) {
    say([text]);
  }

  function changeComparison(event) {
    const { mostPopulations } = iapt.site.recovery;
    const { populations, areas } = chosenComparison();
    const target = event.target;
    if (target.name === "with") {
      if (target.checked && populations.length > mostPopulations) {
        target.checked = false;
        return refuse(`At most ${mostPopulations} other populations can be compared. Take one away first.`);
      }
      const dropped = areas.length
        ? ["Populations are compared within one area: the other areas were taken away."]
        : [];
      return compare(populations, [], `input[value="${CSS.escape(target.value)}"]`).then(() => {
        if (dropped.length) say(dropped);
      });
    }
    return null;
  }

  function addArea() {
    const { mostAreas } = iapt.site.recovery;
    const { populations, areas } = chosenComparison();
    const id = form.elements.other.value;
    if (!id) return refuse("Choose an area to add.");
    if (areas.length >= mostAreas)
      return refuse(`At most ${mostAreas} other areas can be compared. Take one away first.`);
    const dropped = populations.length
      ? ["Areas are compared for everyone: the other populations were taken away."]
      : [];
    return compare([], [...areas, id], "#other").then(() => {
      if (dropped.length) say(dropped);
    });
  }

  // ---- reading a chart by period -------------------------------------------------------------------------------------

  /** What a table of periods says of each, the oldest first. */
  function rowsOf(table, textOf) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.firstChild.textContent);
    // How a figure stands to its standard is said with the figure, not as one more.
    const said = (cell, at) =>
      cell.className === "standing"
        ? ` (${heads[at + 1]}: ${textOf(cell)})`
        : `${at ? "; " : ""}${heads[at + 1]} ${textOf(cell)}`;
    return [...table.querySelectorAll("tbody tr[data-i]")].reverse().map((row) => ({
      number: Number(row.dataset.i),
      fact: `${textOf(row.cells[0])}: ${[...row.cells].slice(1).map(said).join("")}`,
    }));
  }

  /** What a table with a column a period says of some of its rows, the oldest period first, up to the last of a chart. */
  function columnsOf(table, keys, last, textOf) {
    const heads = [...table.tHead.rows[0].cells];
    const rows = keys.map((key) => [...table.tBodies[0].rows].find((row) => row.dataset.key === key)).filter(Boolean);
    const columns = heads
      .map((head, at) => [head, at])
      .filter(([head]) => head.dataset.i !== undefined && Number(head.dataset.i) <= last)
      .sort(([one], [other]) => one.dataset.i - other.dataset.i);
    const first = columns.length ? Number(columns[0][0].dataset.i) : 0;
    return columns.map(([head, at]) => ({
      number: Number(head.dataset.i) - first,
      fact: `${textOf(head)}: ${rows.map((row) => `${row.cells[0].firstChild.textContent.trim()} ${textOf(row.cells[at])}`).join("; ")}`,
    }));
  }

  /** Below each chart a slider over its periods, whose words are the rows of the table: mouse, touch and keyboard alike. */
  function readable(figure) {
    const svg = figure.querySelector("svg.chart-drawing");
    const table = document.getElementById(`${figure.dataset.panel}-caption`).closest("table");
    const textOf = (cell) => {
      const range = cell.querySelector(".range");
      return range ? `${cell.firstChild.textContent.trim()} (${range.textContent})` : cell.textContent.trim();
    };
    const places = figure.dataset.rows
      ? columnsOf(table, figure.dataset.rows.split(" "), Number(figure.dataset.last), textOf)
      : rowsOf(table, textOf);
    if (!places.length) return;
    const id = `${figure.querySelector("svg.chart-drawing title").id.replace(/-title$/, "")}-reader`;
    const box = document.createElement("div");
    box.className = "reader";
    box.innerHTML = `<label for="${id}">Read the chart by period</label><input id="${id}" type="range" min="0" max="${places.length - 1}" value="${places.length - 1}"><output for="${id}"></output>`;
    figure.append(box);
    const slider = box.querySelector("input"),
      output = box.querySelector("output");
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    cursor.setAttribute("class", "cursor");
    svg.append(cursor);
    const left = Number(svg.dataset.left),
      step = Number(svg.dataset.step);
    function read() {
      const at = Number(slider.value);
      output.textContent = places[at].fact;
      slider.setAttribute("aria-valuetext", places[at].fact);
      const x = left + step * (places[at].number + 0.5);
      for (const [name, value] of [
        ["x1", x],
        ["x2", x],
        ["y1", svg.dataset.top],
        ["y2", svg.dataset.bottom],
      ])
        cursor.setAttribute(name, value);
    }
    slider.addEventListener("input", read);
    svg.addEventListener("pointermove", (event) => {
      const place = svg.getBoundingClientRect();
      const number = ((event.clientX - place.left) / place.width) * svg.viewBox.baseVal.width;
      const wanted = Math.floor((number - left) / step);
      const nearest = places.reduce(
        (best, place, at) => (Math.abs(place.number - wanted) < Math.abs(places[best].number - wanted) ? at : best),
        0,
      );
      if (String(nearest) !== slider.value) {
        slider.value = nearest;
        read();
      }
    });
    read();
  }

  // ---- sorting -----------------------------------------------------------------------------------------------------

  function sortable(table) {
    const heads = [...table.querySelectorAll("thead th")];
    const body = table.tBodies[0];
    heads.forEach((head) => {
      const column = [...head.parentNode.cells].indexOf(head);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", () => {
        const falling = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const of = (row) => (row.cells[column].firstChild ? row.cells[column].textContent.trim() : "");
        const number = (text) => (/^[\d,]/.test(text) ? parseFloat(text.replace(/,/g, "")) : NaN);
        const rows = [...body.rows].sort((one, other) => {
          const a = of(one),
            b = of(other),
            x = number(a),
            y = number(b);
          if (column === 0) return (falling ? -1 : 1) * a.localeCompare(b, "en");
          // What has no figure stands last either way: it is neither the least nor the most.
          if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
          return (falling ? -1 : 1) * (x - y);
        });
        body.append(...rows);
        announce(`Sorted by ${button.textContent}, ${falling ? "falling" : "rising"}.`);
      });
    });
  }

  function enrich(part) {
    part.querySelectorAll("figure.chart").forEach(readable);
    part.querySelectorAll("table.sortable").forEach(sortable);
  }

  // ---- begin -------------------------------------------------------------------------------------------------------

  let asking = 0;
  function redraw(replace) {
    const mine = (asking += 1);
    return pages[page.kind](replace).then(
      (title) => {
        if (mine === asking) announce(`Now shown: ${title}.`);
      },
      (error) =>
        say([`The figures could not be loaded (${error.message}). Reload the page, or choose another organisation.`]),
    );
  }

  if (!form || !pages[page.kind]) {
    if (view) enrich(view);
    return;
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    const { name } = event.target;
    if (name === "with") return changeComparison(event);
    if (name === "other") return null;
    const fields = form.elements;
    if (name === "family") {
      const first = areasOf(page.report, fields.family.value)[0];
      fields.org.dataset.family = "";
      options(fields.org, [[first[0], first[2]]], first[0]);
    }
    const value = (field) => (fields[field] ? fields[field].value : "");
    const org = value("org");
    const kept =
      name === "measure"
        ? ["by", "measure", "period"]
        : name === "period"
          ? ["by", "measure", "period"]
          : name === "by"
            ? ["by"]
            : ["by", "measure", "period"];
    const chosen =
      page.kind === "recovery"
        ? asked()
            .getAll("with")
            .map((key) => ["with", key])
            .concat(
              asked()
                .getAll("area")
                .map((id) => ["area", id]),
            )
        : kept.map((field) => [field, value(field)]);
    remember([["org", org === page.area ? "" : org], ...chosen]);
    return redraw(true);
  });
  form.addEventListener("click", (event) => {
    if (event.target.id === "add-area") addArea();
    const gone = event.target.closest("[data-remove]");
    if (gone) {
      const { populations, areas } = chosenComparison();
      compare(
        populations,
        areas.filter((id) => id !== gone.dataset.remove),
        "#other",
      );
    }
  });
  addEventListener("popstate", () => redraw(true));
  let drawnFor = width();
  addEventListener("resize", () => {
    if (width() !== drawnFor) {
      drawnFor = width();
      redraw(true);
    }
  });
  redraw(true);
})();
