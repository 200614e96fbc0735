//! Requests of every kind, made from a seed.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A client certificate that callers show.
pub(crate) struct Shown {
    /// Which one it is.
    pub(crate) number: usize,
    /// The certificate and its key, each in PEM.
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Shown {
    /// As Envoy passes it on.
    pub(crate) fn escaped(&self) -> String {
        self.certificate.bytes().fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        })
    }
}

/// A request as it is sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) lines: Vec<(String, String)>,
    /// Whether it comes over TLS.
    pub(crate) tls: bool,
    /// What its caller shows over TLS.
    pub(crate) certificate: Option<Arc<Shown>>,
}

impl Sent {
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Whether it names headers that are for the next hop alone.
    pub(crate) fn names_away(&self) -> bool {
        let usual = ["close", "keep-alive", "upgrade"];
        let mut named = self.lines.iter().filter(|(name, _)| name == "Connection");
        named.any(|(_, value)| !usual.contains(&value.as_str()))
    }

    /// The header lines that a proxy passes on, but for those that it writes itself: what is said about the caller's
    /// connection and about the body's framing it takes out (RFC 9110 §7.6.1).
    pub(crate) fn passed_on(
        &self,
        own: &[&str],
    ) -> impl Iterator<Item = &(String, String)> + Clone {
        let between = ["keep-alive", "proxy-connection", "te", "transfer-encoding"];
        let framing = ["content-length", "expect", "host"];
        self.lines.iter().filter(move |(name, _)| {
            let name = name.to_ascii_lowercase();
            [&between[..], &framing, own].iter().all(|names| !names.contains(&name.as_str()))
        })
    }

    /// As it is sent to the proxy door.
    pub(crate) fn text(&self) -> String {
        let mut text =
            format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in &self.lines {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.certificate.as_ref().map(|shown| shown.number);
        write!(f, "{} with certificate {shown:?}: {}", self.scheme(), self.text().escape_debug())
    }
}

/// What values stand for.
pub(crate) struct Words {
    /// Tokens, by what is written for them.
    pub(crate) tokens: Vec<(&'static str, String)>,
    pub(crate) certificates: Vec<Arc<Shown>>,
}

/// So many requests, the same for the same seed.
pub(crate) fn requests(seed: u64, count: usize, words: &Words) -> Vec<Sent> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let requests = request();
    let made = std::iter::repeat_with(|| requests.new_tree(&mut runner).map(|tree| tree.current()));
    made.filter_map(Result::ok).take(count).map(|drawn| drawn.sent(words)).collect()
}

/// A request, with words for tokens and certificates.
#[derive(Clone, Debug)]
struct Drawn {
    method: &'static str,
    host: &'static str,
    target: String,
    lines: Vec<(String, String)>,
    tls: Option<Option<usize>>,
}

impl Drawn {
    fn sent(self, words: &Words) -> Sent {
        let worded = |value: &String| {
            words.tokens.iter().fold(value.clone(), |text, (word, token)| text.replace(word, token))
        };
        let lines = self.lines.iter().map(|(name, value)| (name.clone(), worded(value))).collect();
        Sent {
            method: self.method.to_owned(),
            host: self.host.to_owned(),
            target: self.target,
            lines,
            tls: self.tls.is_some(),
            certificate: self
                .tls
                .flatten()
                .and_then(|index| words.certificates.get(index))
                .cloned(),
        }
    }
}

fn request() -> impl Strategy<Value = Drawn> {
    let lines = prop::collection::vec(line(), 0..4);
    let tls = prop_oneof![
        4 => Just(None),
        1 => Just(Some(None)),
        2 => (0_usize..3).prop_map(|index| Some(Some(index))),
    ];
    (method(), host(), target(), credential(), lines, tls).prop_map(
        |(method, host, target, credential, lines, tls)| Drawn {
            method,
            host,
            target,
            lines: credential.into_iter().chain(lines).collect(),
            tls,
        },
    )
}

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        12 => Just("GET"),
        3 => Just("POST"),
        3 => select(vec!["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        1 => select(vec!["get", "TRACE", "PURGE", "X-Y", "GET.", "PROPFIND"]),
    ]
}

fn host() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        12 => Just("app.test"),
        2 => select(vec!["other.test", "a.wild.test", "a.b.wild.test", "nowhere.test"]),
        2 => select(vec![
            "APP.test", "app.test.", "app.test:80", "app.test:443", "app.test:8443", "app.test:",
            "app_test", "127.0.0.1", "[::1]", "[::1]:80", "xn--app-test", "app.test..", ".test",
            "user@app.test", "app.test:99999", "app.test:+80", "app.test%00", "app.test/x", "*",
        ]),
    ]
}

/// A path, whole or in pieces, and perhaps a query.
fn target() -> impl Strategy<Value = String> {
    let usual = select(vec![
        "/open/a",
        "/open",
        "/orders/7",
        "/orders/7/lines",
        "/admin/users",
        "/mesh/a",
        "/both/a",
        "/kept;x/a",
        "/slash/a%2Fb",
        "/flag/a",
        "/posts",
        "/paged/a",
        "/",
    ]);
    let path = prop_oneof![
        5 => usual.prop_map(ToOwned::to_owned),
        2 => prop::collection::vec(piece(), 1..6)
            .prop_map(|pieces| pieces.iter().fold(String::new(), |path, piece| path + "/" + piece)),
        2 => (prop::collection::vec(piece(), 0..3), select(vec!["open/a", "orders/7", "admin/x"]))
            .prop_map(|(pieces, rest)| {
                pieces.iter().fold(String::new(), |path, piece| path + "/" + piece) + "/" + rest
            }),
        1 => (select(vec!["/open/a", "/orders/7"]), piece()).prop_map(|(path, piece)| format!("{path}{piece}")),
    ];
    let query = prop_oneof![
        5 => Just(String::new()),
        2 => prop::collection::vec(part(), 1..4).prop_map(|parts| format!("?{}", parts.join("&"))),
    ];
    (path, query).prop_map(|(path, query)| path + &query)
}

fn piece() -> impl Strategy<Value = &'static str> {
    select(vec![
        "open",
        "orders",
        "admin",
        "mesh",
        "both",
        "slash",
        "kept",
        "flag",
        "7",
        "a",
        "A",
        "",
        ".",
        "..",
        "...",
        "%2e",
        "%2E%2e",
        ".%2e",
        "%2f",
        "a%2Fb",
        "%5c",
        "\\",
        "..\\",
        "%00",
        "%0a",
        "%7e",
        "%7E",
        "~",
        "%41",
        "%c3%a9",
        "%C3%A9",
        "%ff",
        "%c0%af",
        "%zz",
        "%",
        "%2",
        "%25",
        "%252e%252e",
        "%252f",
        ";",
        ";x=1",
        "a;b",
        "..;",
        "%3b",
        "%3B",
        "*",
        "+",
        "@",
        ":",
        "a b",
        "a%20b",
        "\"",
        "<",
        "^",
        "|",
        "{id}",
        "[",
        "'",
        "$",
        "&",
        "=",
        "!",
        ",",
        "(",
        ")",
        "%3f",
        "%23",
        "a.",
        ".a",
        "%2e.",
        "%u002e",
        "%e2%80%ae",
        "%ef%bc%8f",
    ])
    .prop_filter("no space within a target", |piece| !piece.contains(' '))
}

fn part() -> impl Strategy<Value = &'static str> {
    select(vec![
        "a=1",
        "a=2",
        "a",
        "=",
        "a=%2F..",
        "a=%7e",
        "%zz",
        "?",
        "/../",
        "b=%00",
        "b=\"",
        "flag=on",
        "flag=%6fn",
        "%66lag=on",
        "a=+",
        "a=;b",
        "",
        "page=1",
        "page=1&page=2",
    ])
}

fn credential() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = prop_oneof![
        6 => Just("Bearer {good}"),
        5 => select(vec![
            "Bearer {weak}", "Bearer {bob}", "Bearer {admin}", "Bearer {expired}",
            "Bearer {stranger}", "Bearer {elsewhere}", "Bearer {revoked}", "bearer {good}",
            "Bearer  {good}", "Bearer x", "Bearer", "Basic YTpi", "Bearer {good}, Bearer {bob}",
            "{good}", "Bearer {good}x", "DPoP {good}", "",
        ]),
    ];
    let name = prop_oneof![6 => Just("Authorization"), 1 => Just("authorization"), 1 => Just("AUTHORIZATION")];
    let one = (name, value).prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    prop_oneof![
        3 => Just(Vec::new()),
        8 => one.clone().prop_map(|one| vec![one]),
        1 => prop::collection::vec(one, 2..3),
    ]
}

fn line() -> impl Strategy<Value = (String, String)> {
    let pair = |name: &'static str, value: &'static str| (name.to_owned(), value.to_owned());
    let usual = select(vec![
        pair("Accept", "*/*"),
        pair("accept", "text/html"),
        pair("Cookie", "a=b"),
        pair("Cookie", "c=d"),
        pair("Cookie", "a=b; __Host-doorward-browser=x; c=d"),
        pair("Cookie", "__Host-doorward=x"),
        pair("User-Agent", "test"),
        pair("X-Flag", "on"),
        pair("X-Flag", "off"),
        pair("x-flag", "on,on"),
        pair("x_flag", "on"),
        pair("X-Trace", "a\tb"),
        pair("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        pair("Content-Type", "application/grpc"),
        pair("Content-Length", "0"),
        pair("Range", "bytes=0-1"),
        pair("Origin", "https://pages.test"),
        pair("Origin", "https://elsewhere.test"),
        pair("Access-Control-Request-Method", "GET"),
        pair("Access-Control-Request-Headers", "x-flag"),
    ]);
    let odd = select(vec![
        pair("X-Forwarded-User", "root"),
        pair("x-forwarded-user", "root"),
        pair("X_Forwarded_User", "root"),
        pair("X-Forwarded_User", "root"),
        pair("X-Forwarded-Groups", "admins"),
        pair("Doorward-Identity", "x"),
        pair("doorward_identity", "x"),
        pair("X-Forwarded-For", "10.0.0.1"),
        pair("Forwarded", "for=10.0.0.1;proto=https;host=app.test"),
        pair("X-Real-IP", "10.0.0.1"),
        pair("X-Forwarded-Proto", "https"),
        pair("X-Forwarded-Host", "admin.test"),
        pair("X-Original-URL", "/admin/users"),
        pair("X-Rewrite-URL", "/admin/users"),
        pair("X-Original-URI", "/open/a"),
        pair("X-Original-Method", "GET"),
        pair("X-Original-For", "10.0.0.1"),
        pair("X-HTTP-Method-Override", "DELETE"),
        pair("X-Method-Override", "DELETE"),
        pair("X-Request-Id", "mine"),
        pair("Client-Cert", ":AAAA:"),
        pair("X-Forwarded-Client-Cert", "URI=spiffe://corp.test/app"),
        pair("X-SSL-Client-Cert", "x"),
        pair("Connection", "keep-alive"),
        pair("Connection", "X-Forwarded-User"),
        pair("Connection", "x-flag"),
        pair("Connection", "Authorization"),
        pair("Connection", "upgrade"),
        pair("Keep-Alive", "timeout=5"),
        pair("TE", "trailers"),
        pair("TE", "gzip"),
        pair("Upgrade", "websocket"),
        pair("Upgrade", "h2c"),
        pair("Proxy-Authorization", "Basic YTpi"),
        pair("Proxy-Connection", "keep-alive"),
        pair("Via", "1.1 other"),
        pair("Max-Forwards", "0"),
        pair("X-Envoy-Original-Path", "/admin"),
        pair("X!Odd", "x"),
        pair("Content-Length_", "5"),
        pair("Host_", "admin.test"),
        pair("X-Latin", "caf\u{e9}"),
        pair("X-Empty", ""),
    ]);
    prop_oneof![
        3 => usual,
        3 => odd,
        1 => (1_usize..3).prop_map(|size| ("X-Long".to_owned(), "y".repeat(size * 6_000))),
    ]
}
