-- Codes of a drop under a name that the list of organisations gives to another of their level, and not to them, where
-- that other stands under a third one's name too: codes have changed places. One code alone under an old name is the
-- publisher's. Letters and digits alone are compared; the mark of a demonstration is no part of a name.
create temp table names_of_others as
with published as (
    select distinct
        file_index,
        split_part(org_level, '_provider', 1) as org_level,
        org_code as code,
        org_name as name
    from cells
    union distinct
    select distinct
        file_index,
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

),

under_names_of_others as (
    select
        worded.file_index,
        worded.org_level,
        worded.code,
        worded.name,
        listed.org_code as listed_code
    from worded
    inner join listed
        on worded.org_level = listed.org_level and worded.word = listed.word and worded.code <> listed.org_code
    anti join listed as own
        on worded.org_level = own.org_level and worded.word = own.word and worded.code = own.org_code
)

select distinct
    misplaced.file_index as other_file,
    misplaced.org_level as other_level,
    misplaced.code as other_code,
    misplaced.name as other_name
from under_names_of_others as misplaced
semi join under_names_of_others as owners
    on
        misplaced.file_index = owners.file_index
        and misplaced.org_level = owners.org_level
        and misplaced.listed_code = owners.code
