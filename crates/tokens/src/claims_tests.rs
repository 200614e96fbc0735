use proptest::prelude::*;

use super::*;

fn value() -> impl Strategy<Value = ClaimValue> {
    prop_oneof![
        any::<bool>().prop_map(ClaimValue::Bool),
        any::<i64>().prop_map(ClaimValue::Long),
        ".{0,40}".prop_map(ClaimValue::String),
        proptest::collection::vec(".{0,40}", 0..5).prop_map(ClaimValue::Strings),
    ]
}

proptest! {
    #[test]
    fn what_was_packed_is_unpacked(
        values in proptest::collection::vec(proptest::option::of(value()), 0..6)
    ) {
        let packer = values.iter().try_fold(Packer::default(), |packer, one| pack(packer, one.as_ref()));
        let packed = packer.unwrap().pack();
        for (index, value) in values.iter().enumerate() {
            let kind = value.as_ref().map_or(ClaimKind::Strings, ClaimValue::kind);
            prop_assert_eq!(&unpack(kind, packed.list(index)), value);
        }
    }
}
