use super::*;

#[test]
fn times_saturate_at_both_ends() {
    let second = Duration::from_secs(1);
    assert_eq!(Timestamp::from_millis(500).minus(second), Timestamp::default());
    assert_eq!(Timestamp::MAX.plus(second), Timestamp::MAX);
    assert_eq!(Timestamp::from_secs(u64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::default().plus(Duration::MAX), Timestamp::MAX);
}

#[test]
fn times_are_counted_in_milliseconds_and_shown_in_seconds() {
    let time = Timestamp::from_secs(7).plus(Duration::from_millis(25));
    assert_eq!((time.as_millis(), time.as_secs(), time.to_string()), (7025, 7, "7.025".to_owned()));
    assert_eq!(time.since(Timestamp::from_secs(7)), Duration::from_millis(25));
    assert_eq!(Timestamp::from_secs(7).since(time), Duration::ZERO);
}
