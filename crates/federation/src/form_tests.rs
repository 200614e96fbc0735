use super::*;

#[test]
fn parameters_are_written_in_one_way_and_read_back() {
    let mut form = Form::default();
    form.push("a b", "x+y/ü&=~");
    form.push("c", "");
    assert_eq!(
        form.behind("https://x.example/"),
        "https://x.example/?a%20b=x%2By%2F%C3%BC%26%3D~&c="
    );
    assert_eq!(
        form.behind("https://x.example/?p=1"),
        "https://x.example/?p=1&a%20b=x%2By%2F%C3%BC%26%3D~&c="
    );
    assert_eq!(
        form.behind("https://x.example/?"),
        "https://x.example/?a%20b=x%2By%2F%C3%BC%26%3D~&c="
    );
    let mut read = Parameters::parse(&form.into_body()).ok().unwrap();
    assert_eq!(read.take("a b").as_deref(), Some("x+y/ü&=~"));
    assert_eq!(read.take("c").as_deref(), Some(""));
    assert_eq!(read.take("c"), None);
}

#[test]
fn what_has_no_one_reading_is_refused() {
    let cases = [
        ("a=%", FormError::Escape),
        ("a=%2", FormError::Escape),
        ("a=%+1", FormError::Escape),
        ("a=%zz", FormError::Escape),
        ("a=%ff", FormError::Escape),
        ("%c3=1", FormError::Escape),
        ("a=1&a=1", FormError::Repeated),
        ("a=1&%61=2", FormError::Repeated),
        ("a&a", FormError::Repeated),
    ];
    for (text, expected) in cases {
        assert_eq!(Parameters::parse(text).err(), Some(expected), "{text}");
    }
    assert_eq!(Parameters::parse("&a=x+y&").ok().unwrap().take("a").as_deref(), Some("x y"));
}

#[test]
fn parameters_are_read_up_to_their_number() {
    let text = |count: usize| (0..count).map(|at| format!("p{at}=1&")).collect::<String>();
    assert!(Parameters::parse(&text(MAX_PARAMETERS)).is_ok());
    assert_eq!(Parameters::parse(&text(MAX_PARAMETERS + 1)).err(), Some(FormError::TooMany));
}
