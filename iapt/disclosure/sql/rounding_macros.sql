-- What a shown count says of the true count, and a percentage of its numerator, all in whole numbers. A shown count may
-- stand for `lowest_count` to `highest_count`; one that rounding cannot give is the count itself.
create or replace temp macro lowest_count(shown) as greatest({{ threshold }}, shown - {{ base }} // 2);
create or replace temp macro highest_count(shown) as shown + ({{ base }} - 1) // 2;
create or replace temp macro is_unrounded(shown) as highest_count(shown) < {{ threshold }} or shown % {{ base }} <> 0;
create or replace temp macro is_exact_level(org_level) as {{ england_is_exact }} and org_level = 'england';
-- A percentage says that 2000 times its numerator lies between two multiples of its denominator, of which the numerator
-- is a part.
create or replace temp macro lowest_numerator(factor, denominator) as (factor * denominator + 1999) // 2000;
create or replace temp macro highest_numerator(factor, denominator) as least(factor * denominator // 2000, denominator);
