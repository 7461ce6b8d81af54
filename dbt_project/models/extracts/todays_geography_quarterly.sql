-- The quarterly figures of England and its regions, ICBs and sub-ICB locations, on today's geography.
{{ todays_geography_of('extract_quarterly') }}
