"""The organisations of the real drops, and of the reference lookups beside them, in the reviewed lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.acceptance.conftest import RealRelease
from tests.factories.seeds import read_table

# Providers that drops publish and the publisher's own list of them does not name.
PROVIDERS_IN_NO_LIST = {"8J990", "A0X6J", "AP60", "M6Y4Z"}
PLACES = ("england", "region", "stp", "icb", "ccg", "sub_icb")


def parents(real_release: RealRelease, level: str, day: str) -> list[tuple[object, ...]]:
    """Each organisation of a level, with its parent on a day."""
    return real_release.warehouse(
        "select org_code, parent_code from marts.dim_organisation_history "
        f"where org_level = '{level}' and date '{day}' between valid_from and coalesce(valid_to, date '9999-12-31') "
        "order by org_code"
    )


# -- the drops ---------------------------------------------------------------------------------------------------------


def test_every_place_of_the_drops_is_in_the_lists(real_release: RealRelease) -> None:
    unknown = real_release.warehouse(
        "select org_level, org_code from marts.dim_organisation where org_type = 'unknown' and org_level <> 'provider'"
    )
    assert unknown == []


def test_providers_in_no_list_are_kept_and_typed_unknown(real_release: RealRelease) -> None:
    unknown = real_release.warehouse(
        "select org_code from marts.dim_organisation where org_type = 'unknown' and org_level = 'provider'"
    )
    assert {code for (code,) in unknown} == PROVIDERS_IN_NO_LIST


def test_every_organisation_of_the_facts_is_described_as_one_of_the_drops(real_release: RealRelease) -> None:
    facts = " union ".join(
        f"select replace(org_level, '_provider', '') as org_level, org_code from marts.{fact} "
        "where drop_sha256 is not null"
        for fact in ("fct_monthly", "fct_quarterly", "fct_annual")
    )
    missing = real_release.warehouse(
        f"select * from ({facts}) anti join (select * from marts.dim_organisation where is_in_drops) "
        "using (org_level, org_code)"
    )
    assert missing == []


def test_every_place_of_the_drops_is_somewhere_today_or_said_to_be_divided(real_release: RealRelease) -> None:
    nowhere = real_release.warehouse(
        "select org_level, org_code from marts.dim_organisation where is_in_drops and current_code is null "
        f"and org_type in {PLACES}"
    )
    assert set(nowhere) == {
        *(("region", code) for code in ("Y54", "Y55", "Y57")),
        *(("stp", code) for code in ("E54000023", "E54000025", "E54000034", "QJG", "QM7", "QNQ")),
        *(("icb", code) for code in ("QJG", "QM7", "QNQ")),
    }


def test_places_of_the_drops_were_in_force_at_the_end_of_their_periods(real_release: RealRelease) -> None:
    """An annual file tells of the whole year by the organisations at its end, so the last day counts."""
    out_of_force = real_release.warehouse(
        f"""
        select distinct facts.org_level, facts.org_code, facts.period
        from (
            select org_level, org_code, period, period_end, value_status, drop_sha256 from marts.fct_monthly
            union all
            select org_level, org_code, period, period_end, value_status, drop_sha256 from marts.fct_quarterly
            union all
            select org_level, org_code, period, period_end, value_status, drop_sha256 from marts.fct_annual
        ) as facts
        inner join marts.dim_organisation as organisations using (org_level, org_code)
        where
            organisations.org_type in {PLACES}
            and facts.drop_sha256 is not null
            and facts.value_status = 'published'
            and (facts.period_end < organisations.valid_from or organisations.valid_to < facts.period_end)
        """
    )
    assert out_of_force == []


def test_parents_in_the_drops_are_the_parents_in_the_lists(real_release: RealRelease) -> None:
    differ = real_release.warehouse(
        """
        select distinct facts.org_code, facts.parent_code, history.parent_code
        from marts.fct_quarterly as facts
        inner join marts.dim_organisation_history as history
            on history.org_code = facts.org_code
            and history.org_level = replace(facts.org_level, '_provider', '')
            and facts.period_end between history.valid_from and coalesce(history.valid_to, date '9999-12-31')
        where
            facts.drop_sha256 is not null
            and facts.parent_code is not null
            and facts.parent_code is distinct from history.parent_code
        """
    )
    assert differ == []


# -- the lookups -------------------------------------------------------------------------------------------------------


def test_ccgs_of_april_2021_are_those_of_the_read_table(
    reference: Callable[[str], Path], real_release: RealRelease
) -> None:
    rows = read_table(reference("ccg_to_stp_2021.csv"))
    expected = sorted((row["ccg21_nhs_code"], row["stp21_nhs_code"]) for row in rows)
    assert parents(real_release, "ccg", "2021-04-01") == expected
    codes = real_release.warehouse(
        "select org_code, ons_code from marts.dim_organisation where valid_to = '2022-06-30' and org_type = 'ccg' "
        "order by org_code"
    )
    assert codes == sorted((row["ccg21_nhs_code"], row["ccg21_code"]) for row in rows)


def test_sub_icbs_and_icbs_of_july_2022_are_those_of_the_read_table(
    reference: Callable[[str], Path], real_release: RealRelease
) -> None:
    rows = read_table(reference("sub_icb_to_icb_2022.csv"))
    expected = sorted((row["sicbl22_code_h"], row["icb22_code_h"]) for row in rows)
    assert parents(real_release, "sub_icb", "2022-07-01") == expected
    codes = real_release.warehouse(
        "select org_level, org_code, ons_code from marts.dim_organisation "
        "where valid_from = '2022-07-01' and org_type in ('sub_icb', 'icb')"
    )
    assert set(codes) == {
        *(("sub_icb", row["sicbl22_code_h"], row["sicbl22_code"]) for row in rows),
        *(("icb", row["icb22_code_h"], row["icb22_code"]) for row in rows),
    }


def test_providers_are_those_of_the_publisher_s_list(
    reference: Callable[[str], Path], real_release: RealRelease
) -> None:
    rows = read_table(reference("metadata_providers.csv"))
    listed = real_release.warehouse(
        "select org_code, current_parent_code, current_region_code from marts.dim_organisation "
        "where org_type = 'provider'"
    )
    assert set(listed) == {
        (row["org_code"], row["icb_code"] or None, row["region_code"] or None)
        if row["status"] == "Active"
        else (row["org_code"], None, None)
        for row in rows
    }
