use super::*;

fn sorted(lines: &[(&str, &str)]) -> Result<SortedHeaders, RequestRefusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    sort(&headers, &IdentityHeaders::new(["X-Forwarded-User", "X-Team"]))
}

fn names(lines: &[(&str, &str)]) -> Vec<String> {
    let sorted = sorted(lines).unwrap();
    sorted.end_to_end.keys().map(|name| name.as_str().to_owned()).collect()
}

#[test]
fn an_identity_header_is_refused_in_any_spelling() {
    let spellings = [
        "Doorward-Identity",
        "DOORWARD-IDENTITY",
        "doorward_identity",
        "Doorward_Identity",
        "x-forwarded-user",
        "X_Forwarded_User",
        "X-Forwarded_User",
        "x_forwarded-user",
        "X-TEAM",
        "x_team",
        "X.Team",
        "x~team",
    ];
    for spelling in spellings {
        let refusal = sorted(&[(spelling, "root")]).unwrap_err();
        assert_eq!(refusal, RequestRefusal::IdentityHeader, "{spelling}");
        let refusal = sorted(&[("connection", &format!("close, {spelling}"))]).unwrap_err();
        assert_eq!(refusal, RequestRefusal::IdentityHeader, "Connection: {spelling}");
    }
}

#[test]
fn what_is_between_the_caller_and_us_does_not_go_on() {
    let lines = [
        ("connection", "close, X-Hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-connection", "keep-alive"),
        ("accept", "*/*"),
        ("cookie", "a=b"),
    ];
    assert_eq!(names(&lines), ["accept", "cookie"]);
}

#[test]
fn forwarded_headers_and_their_twins_do_not_go_on() {
    let lines = [
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x_forwarded_for", "1.2.3.4"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-prefix", "/x"),
        ("x_forwarded_proto", "https"),
        ("x-real-ip", "1.2.3.4"),
        ("x_real_ip", "1"),
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("x-original-uri", "/admin"),
        ("x-http-method-override", "DELETE"),
        ("x-envoy-original-path", "/a"),
        ("x-forwarded", "for=1.2.3.4"),
        ("forwarded-for", "1.2.3.4"),
        ("forwarded_proto", "https"),
        ("client-ip", "1.2.3.4"),
        ("client_ip", "1.2.3.4"),
        ("proxy", "http://evil"),
        ("x-host", "evil"),
        ("x_http_method_override", "DELETE"),
        ("client-cert", ":MIIB:"),
        ("client_cert_chain", ":MIIB:"),
        ("ssl_client_s_dn", "CN=root"),
        ("x-ssl-client-verify", "SUCCESS"),
        ("x-client-cert", "MIIB"),
        ("x-client-verify", "SUCCESS"),
        ("x-arr-clientcert", "MIIB"),
        ("wl-proxy-client-ip", "1.2.3.4"),
        ("x_request_id", "mine"),
        ("x-request.id", "mine"),
        ("x-request-kind", "kept"),
    ];
    assert_eq!(names(&lines), ["x-request-kind"]);
}

#[test]
fn a_connection_header_cannot_take_away_what_is_judged() {
    for name in
        ["authorization", "Host", "cookie", "content-length", "X-Forwarded-For", "sec-fetch-mode"]
    {
        let refusal = sorted(&[("connection", name)]).unwrap_err();
        assert_eq!(refusal, RequestRefusal::ConnectionNamesEndToEnd, "{name}");
    }
}

#[test]
fn duplicates_stay_a_list_in_order() {
    let sorted = sorted(&[("x-role", "a"), ("x-role", "b")]).unwrap();
    let values: Vec<_> = sorted.end_to_end.get_all("x-role").iter().collect();
    assert_eq!(values, ["a", "b"]);
}

#[test]
fn a_second_authorization_header_is_refused() {
    let refusal =
        sorted(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]).unwrap_err();
    assert_eq!(refusal, RequestRefusal::DoubledAuthorization);
}

#[test]
fn an_underscore_twin_of_a_forwarded_header_is_not_believed_even_of_a_trusted_peer() {
    let lines = [("x_forwarded_for", "6.6.6.6"), ("X.Forwarded.Proto", "https")];
    let sorted = sorted(&lines).unwrap();
    let hearsay = sorted.hearsay;
    assert!(hearsay.x_for.is_empty() && hearsay.x_proto.is_empty());
    assert!(sorted.end_to_end.is_empty());
}

#[test]
fn a_header_that_connection_names_is_taken_out_in_every_spelling() {
    let lines = [("connection", "X_Hop"), ("x_hop", "1"), ("x-hop", "2"), ("accept", "*/*")];
    assert_eq!(names(&lines), ["accept"]);
}

#[test]
fn a_service_may_be_told_who_calls_in_authorization_without_locking_its_callers_out() {
    let mut headers = HeaderMap::new();
    headers.append("authorization", HeaderValue::from_static("Bearer a"));
    let sorted = sort(&headers, &IdentityHeaders::new(["Authorization"])).unwrap();
    assert!(sorted.authorization.is_some() && sorted.end_to_end.is_empty());
}
