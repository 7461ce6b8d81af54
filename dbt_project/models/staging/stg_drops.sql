-- The drops that were read in full, with what decides between two that publish the same cell.
with drops as (

    select * from {{ source('landing', 'drops') }}

)

select
    sha256 as drop_sha256,
    file,
    origin,
    licence,
    status,
    is_provisional,
    revision,
    sequence,
    batch,
    label,
    quarantined_cells
from drops
