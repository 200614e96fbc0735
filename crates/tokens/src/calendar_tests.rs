use proptest::prelude::*;

use super::*;

#[test]
fn dates_are_so_many_days_away() {
    for (found, expected) in [
        (days(1970, 1, 1), Some(0)),
        (days(1969, 12, 31), Some(-1)),
        (days(2000, 2, 29), Some(11_016)),
        (days(2026, 11, 1), Some(20_758)),
        (days(9999, 12, 31), Some(2_932_896)),
        (days(2100, 2, 29), None),
        (days(2026, 2, 30), None),
        (days(2026, 4, 31), None),
        (days(2026, 0, 1), None),
        (days(2026, 13, 1), None),
        (days(2026, 1, 0), None),
        (days(10_000, 1, 1), None),
    ] {
        assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn a_day_has_one_date_and_the_next_day_the_next(day in -719_000_i64..2_932_896) {
        let (year, month, of_month) = date(day);
        prop_assert_eq!(days(year, month, of_month), Some(day));
        prop_assert!(date(day) < date(day + 1));
    }
}
