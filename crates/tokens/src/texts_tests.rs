use proptest::prelude::*;

use super::*;

fn pack(lists: &[Vec<String>]) -> Option<PackedTexts> {
    let packed = lists.iter().try_fold(Packer::default(), |packer, list| packer.list(list));
    packed.map(Packer::pack)
}

proptest! {
    #[test]
    fn what_was_packed_is_found(
        lists in proptest::collection::vec(proptest::collection::vec(".{0,200}", 0..6), 0..6)
    ) {
        let packed = pack(&lists).unwrap();
        for (index, list) in lists.iter().enumerate() {
            let found = packed.list(index);
            prop_assert_eq!(found, Texts::from(&**list));
            prop_assert_eq!(found.len(), list.len());
            prop_assert_eq!(found.is_empty(), list.is_empty());
            prop_assert_eq!(found.first(), list.first().map(String::as_str));
            prop_assert_eq!(&found.to_vec(), list);
            prop_assert!(list.iter().all(|text| found.contains(text)));
        }
        for behind in lists.len()..lists.len() + 3 {
            prop_assert!(packed.list(behind).is_empty());
        }
    }
}

#[test]
fn texts_and_lists_may_be_as_long_as_a_character_can_say() {
    let most = MOST as usize;
    for (length, fits) in [
        (0x7f, true),
        (0x80, true),
        (0x800, true),
        (most, true),
        (most + 1, false),
        (0xe000, false),
    ] {
        let text = vec![vec!["a".repeat(length), "b".to_owned()], vec!["c".to_owned()]];
        let many = vec![vec![String::new(); length], vec!["c".to_owned()]];
        for lists in [text, many] {
            let packed = pack(&lists);
            assert_eq!(packed.is_some(), fits, "{length}");
            let Some(packed) = packed else { continue };
            assert_eq!(packed.list(0), Texts::from(&*lists[0]));
            assert_eq!(packed.list(1), ["c"]);
        }
    }
    const { assert!(crate::limits::MAX_TOKEN_BYTES <= MOST as usize, "every token can be packed") };
}

#[test]
fn a_text_is_one_of_a_list_only_as_a_whole() {
    let packed = pack(&[vec!["ab".to_owned(), "c".to_owned()]]).unwrap();
    let found =
        ["ab", "c", "a", "b", "abc", "", "\u{2}ab"].map(|text| packed.list(0).contains(text));
    assert_eq!(found, [true, true, false, false, false, false, false]);
    assert_eq!(format!("{:?}", packed.list(0)), r#"["ab", "c"]"#);
}
