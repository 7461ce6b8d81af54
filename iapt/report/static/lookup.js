// The data of the report: a data file hands over what it holds, and every script looks rows up by name.
"use strict";
globalThis.iapt = { data: {}, pages: {} };
/** Takes what a data file holds. A page opened from a disk may run scripts, not fetch files. */
iapt.receive = (name, data) => {
  if (name === "site") iapt.site = data;
  else iapt.data[name] = data;
};

{
  /** The population of everyone. */
  const EVERYONE = "total/total";

  /** The periods of a report, each with its number on the axis. */
  const getPeriods = (report) => iapt.site.reports[report].periods.map((period, number) => ({ ...period, number }));

  const getMeasure = (slug) => iapt.site.measures.find((measure) => measure.slug === slug);

  const getTopic = (slug) => iapt.site.topics.find((topic) => topic.slug === slug);

  /** An organisation with figures; undefined where there is none of that name. */
  const getArea = (id) => iapt.site.areas.find((area) => area.id === id);

  const getVariable = (type) => iapt.site.variables.find((variable) => variable.type === type);

  /** A population by its key: its variable, a slash, its category; undefined where there is none. */
  function getPopulation(key) {
    if (key === EVERYONE) return { key, label: "Everyone", comparable_from: "", change_reason: "" };
    const variable = getVariable(key.split("/")[0]);
    return variable && variable.populations.find((population) => population.key === key);
  }

  /**
   * The text of one series. A data file holds the texts of a population, or of an area on the map, in the order of
   * the measures: with the names of the measures in every population, the data files would be twice as large.
   */
  function getSeriesText(series, key, slug) {
    const texts = series[key] || [];
    return texts[iapt.site.measures.findIndex((measure) => measure.slug === slug)] || "";
  }

  /** The variables by which an organisation has figures. */
  const listVariables = (figures) =>
    iapt.site.variables.filter((variable) => variable.populations.some(({ key }) => figures.series[key]));

  iapt.lookup = {
    EVERYONE,
    getArea,
    getMeasure,
    getPeriods,
    getPopulation,
    getSeriesText,
    getTopic,
    getVariable,
    listVariables,
  };
}
