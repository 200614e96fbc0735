use http::HeaderValue;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000); // Tue, 14 Nov 2023 22:13:20 GMT

type Fields = &'static [(&'static str, &'static str)];

#[test]
fn the_lifetime_is_what_the_header_says() {
    let cases: &[(Fields, Option<u64>)] = &[
        (&[], None),
        (&[("cache-control", "public")], None),
        (&[("cache-control", "s-maxage=9")], None),
        (&[("cache-control", "max-age=300")], Some(300)),
        (&[("cache-control", "public, Max-Age=\"300\"")], Some(300)),
        (&[("cache-control", "max-age=300, max-age=20")], Some(20)),
        (&[("cache-control", "max-age=300"), ("cache-control", "max-age=20")], Some(20)),
        (&[("cache-control", "max-age=300"), ("age", "100")], Some(200)),
        (&[("cache-control", "max-age=300"), ("age", "301")], Some(0)),
        (&[("cache-control", "max-age=300"), ("age", "-1")], Some(300)),
        (&[("cache-control", "max-age=-1")], Some(0)),
        (&[("cache-control", "max-age")], Some(0)),
        (&[("cache-control", "max-age=99999999999999999999")], Some(u64::MAX)),
        (&[("cache-control", "no-cache")], Some(0)),
        (&[("cache-control", "no-store, max-age=300")], Some(0)),
        (&[("expires", "Tue, 14 Nov 2023 22:23:20 GMT")], Some(600)),
        (
            &[
                ("expires", "Tue, 14 Nov 2023 22:23:20 GMT"),
                ("date", "Tue, 14 Nov 2023 22:23:00 GMT"),
            ],
            Some(20),
        ),
        (&[("expires", "Tue, 14 Nov 2023 22:23:20 GMT"), ("date", "soon")], Some(600)),
        (
            &[("expires", "Tue, 14 Nov 2023 22:23:20 GMT"), ("cache-control", "max-age=20")],
            Some(20),
        ),
        (&[("expires", "Tue, 14 Nov 2023 22:13:19 GMT")], Some(0)),
        (&[("expires", "0")], Some(0)),
        (&[("expires", "-1")], Some(0)),
    ];
    for (fields, seconds) in cases {
        let mut headers = HeaderMap::new();
        for (name, value) in *fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let lifetime = Freshness::read(&headers).lifetime(NOW);
        assert_eq!(lifetime, seconds.map(Duration::from_secs), "{fields:?}");
    }
}
