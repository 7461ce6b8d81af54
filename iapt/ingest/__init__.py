"""From a drop's bytes to observations: archive, open containers, match a layout, parse, land for dbt."""
