use http::HeaderValue;

use super::*;

const HERE: &str = "https://api.example.com/orgs?per_page=100";

fn next_of(lines: &[&str]) -> Result<Option<String>, Unfollowable> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(LINK, HeaderValue::from_str(line).unwrap());
    }
    next(&headers, HERE)
}

#[test]
fn the_next_page_is_on_the_same_origin() {
    let page = "https://api.example.com/user/1/orgs?page=2";
    let links = format!("<https://api.example.com/x>; rel=\"prev\", <{page}>; rel=\"next\"");
    assert_eq!(next_of(&[&links]), Ok(Some(page.to_owned())));
    assert_eq!(
        next_of(&["<x>; rel=\"prev\"", &format!("<{page}>; rel=next")]),
        Ok(Some(page.to_owned()))
    );
    assert_eq!(next_of(&[]), Ok(None));
    assert_eq!(next_of(&["<https://api.example.com/x?page=9>; rel=\"last\""]), Ok(None));
}

#[test]
fn a_list_that_goes_on_where_nobody_can_follow_is_no_whole_list() {
    let cases: &[&[&str]] = &[
        &["<http://api.example.com/x>; rel=\"next\""],
        &["<https://api.example.com.evil.example/x>; rel=\"next\""],
        &["<https://api.example.com@evil.example/x>; rel=\"next\""],
        &["<https://api.example.com:444/x>; rel=\"next\""],
        &["</orgs?page=2>; rel=\"next\""],
        &["https://api.example.com/x; rel=\"next\""],
        &["<https://api.example.com/x,y>; rel=\"next\""],
        &["<https://api.example.com/x>; rel=\"first next\""],
        &["<https://api.example.com/x>; rel=\"next\", <https://api.example.com/y>; rel=\"next\""],
    ];
    for lines in cases {
        assert_eq!(next_of(lines), Err(Unfollowable), "{lines:?}");
    }
}
