"""Figures on current boundaries of the real drops: of the area of the organisation they stand under, or not there."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import RealRelease

# Referrals of 2021-22 of boards of April 2026: value, bounds and how many CCGs they are the sum of.
SUMS_OF_2021_22 = {"D7T5G": (56_855, 56_841, 56_869, 7), "T6Y0W": (61_360, 61_354, 61_366, 3)}
# Cheshire and Merseyside has had one area throughout: an STP under two codes, and an ICB.
RECOVERY_OF_QYG = [("2017-18", "recoded", 46), ("2019-20", "recoded", 45), ("2020-21", "recoded", 47)]
RECOVERY_OF_QYG += [("2021-22", "recoded", 47), ("2022-23", "same", 47), ("2024-25", "same", 50)]
TOTAL_REFERRALS = "measure = 'count_referrals_received' and variable_type = 'Total'"


@pytest.mark.parametrize("code", SUMS_OF_2021_22)
def test_a_board_of_2026_has_the_sum_of_the_ccgs_of_its_area(real_release: RealRelease, code: str) -> None:
    """NHS Essex had the 38,295 referrals of Mid and South Essex, which is a part of it."""
    rows = real_release.released(
        f"""
        select comparability, value, lower_bound, upper_bound, len(string_split(codes_as_published, '; ')), is_derived
        from extract_annual_current_boundaries where period = '2021-22' and org_code = '{code}' and {TOTAL_REFERRALS}
        """
    )
    assert rows == [("summed", *SUMS_OF_2021_22[code], True)]


def test_a_board_whose_boundary_was_moved_by_an_unknown_part_has_no_figure_from_before(
    real_release: RealRelease,
) -> None:
    """A part of 06H, which is of S1Y5D today, went to 78H in July 2022: what its CCGs had is of another area."""
    rows = real_release.released(
        f"""
        select comparability, value, value_status from extract_annual_current_boundaries
        where period = '2021-22' and org_code = 'S1Y5D' and {TOTAL_REFERRALS}
        """
    )
    assert rows == [("boundary_moved", None, "not_published")]


def test_an_unchanged_area_keeps_its_rate_through_new_codes(real_release: RealRelease) -> None:
    rows = real_release.released(
        """
        select period, comparability, value from extract_annual_current_boundaries
        where org_level = 'icb' and org_code = 'QYG' and measure = 'percentage_recovery' and variable_type = 'Total'
        order by period
        """
    )
    assert rows == RECOVERY_OF_QYG


def test_the_rate_of_a_closed_board_stands_under_its_own_name_alone(real_release: RealRelease) -> None:
    rows = real_release.released(
        """
        select distinct org_level, org_code, comparability from extract_annual_current_boundaries
        where period = '2022-23' and measure = 'percentage_recovery' and variable_type = 'Total'
            and (org_code = 'D7T5G' or contains(codes_as_published, 'QH8'))
        """
    )
    assert rows == [("icb", "QH8", "former")]


@pytest.mark.parametrize(("table", "compared"), {"annual": 90_000, "quarterly": 14_000, "monthly": 3_000}.items())
def test_every_icb_of_today_is_within_the_bounds_of_the_sum_of_its_locations(
    real_release: RealRelease, table: str, compared: int
) -> None:
    rows = real_release.released(
        f"""
        with counts as (
            select period, org_level, org_code, lower_bound, upper_bound,
                concat_ws('|', measure, variable_type, coalesce(variable_a, ''), coalesce(variable_b, '')) as cell
            from extract_{table}_current_boundaries
            where statistic = 'count' and value_status <> 'not_published'
                and comparability in ('same', 'recoded', 'merged', 'summed')
        ),
        today as (
            select org_code, current_parent_code as icb, count(*) over (partition by current_parent_code) as parts
            from dim_organisation
            where org_level = 'sub_icb' and org_type = 'sub_icb' and valid_to is null and current_parent_code is not
            null
        ),
        sums as (
            select period, cell, icb, any_value(parts) as parts, count(*) as found, sum(lower_bound) as lowest,
                sum(upper_bound) as highest
            from counts join today using (org_code) where org_level = 'sub_icb' group by all
        )
        select count(*), count(*) filter (lower_bound > highest or upper_bound < lowest)
        from counts join sums on counts.period = sums.period and counts.cell = sums.cell and counts.org_code = sums.icb
        where org_level = 'icb' and found = parts
        """
    )
    ((found, outside),) = rows
    assert found > compared
    assert outside == 0
