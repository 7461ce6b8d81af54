-- Codes under a name that the list of organisations gives to another of their level, and not to them. Letters and
-- digits alone are compared; the mark of a demonstration is no part of a name.
create temp table names_of_others as
with published as (
    select distinct
        split_part(org_level, '_provider', 1) as org_level,
        org_code as code,
        org_name as name
    from cells
    union distinct
    select distinct
        'provider' as org_level,
        partner_code as code,
        partner_name as name
    from cells
),

worded as (
    select
        *,
        lower(regexp_replace(replace(name, ' (SYNTHETIC)', ''), '[^A-Za-z0-9]', '', 'g')) as word
    from published
    where code is not null and name is not null
),

listed as (
    select distinct
        org_level,
        org_code,
        lower(regexp_replace(org_name, '[^A-Za-z0-9]', '', 'g')) as word
    from organisations
)

select distinct
    worded.org_level as other_level,
    worded.code as other_code,
    worded.name as other_name
from worded
semi join listed
    on worded.org_level = listed.org_level and worded.word = listed.word and worded.code <> listed.org_code
anti join listed as own
    on worded.org_level = own.org_level and worded.word = own.word and worded.code = own.org_code
