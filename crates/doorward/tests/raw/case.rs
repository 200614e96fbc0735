//! The case files: what to send, and what must come of it.
//!
//! ```text
//! == A sentence that says what holds
//! GET /open/a HTTP/1.1\r\n            bytes to send; line ends of the file do not count, these do:
//! Host: app.test\r\n                  \r \n \t \\ \xHH, ${a*100} (repeated), ${token NAME}
//! \r\n
//! -> forwarded GET /open/a            the service saw this method and target, and answered
//!    host app.test                    … with exactly this Host
//!    header X-Role: a | b             … with exactly these values, in order
//!    present X-Role                   … with some value
//!    not X-Role: a                    … with some value, and not this one
//!    absent X-Role                    … without it, in this spelling
//!    body abc                         … with exactly this body
//!    trailers none                    … without trailers
//! -> refused 400                      the caller got this status, the service saw nothing
//! -> broken 400                       the same, but the service may have seen the beginning of it
//!    closed                           … and the connection was closed; also without an answer: `-> closed`
//! ```
//!
//! Several `->` stand for several requests sent at once, in order. In counts and lengths, `HEAD`, `HEADERS`, `URI` and
//! `BODY` stand for the limits, and may have a number added or taken away: `${a*HEAD-10}`, `Content-Length: BODY+1`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// A row: bytes, and what must come of them.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Vec<Expected>,
}

/// What must come of one request.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) fate: Fate,
    pub(crate) closed: bool,
    pub(crate) clauses: Vec<Clause>,
}

/// Whether the service sees it.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    Broken { status: u16 },
    Closed,
    Forwarded { method: String, target: String },
    Refused { status: u16 },
}

/// What must hold of a forwarded request.
#[derive(Clone, Debug)]
pub(crate) enum Clause {
    Absent(String),
    Body(Vec<u8>),
    Header(String, Vec<String>),
    Not(String, String),
    Present(String),
    TrailersNone,
}

/// What `${token NAME}` and the names of limits stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meanings {
    pub(crate) tokens: BTreeMap<String, String>,
    pub(crate) limits: Vec<(&'static str, usize)>,
}

impl Case {
    /// All rows of a file.
    pub(crate) fn read_all(text: &str, meanings: &Meanings) -> Result<Vec<Self>> {
        let mut cases: Vec<Self> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            Self::read_line(&mut cases, line, meanings)
                .with_context(|| format!("line {}: `{line}`", number + 1))?;
        }
        match cases.iter().find(|case| case.expected.is_empty()) {
            Some(case) => bail!("`{}` expects nothing", case.name),
            None => Ok(cases),
        }
    }

    fn read_line(cases: &mut Vec<Self>, line: &str, meanings: &Meanings) -> Result<()> {
        if let Some(name) = line.strip_prefix("== ") {
            let case = Self { name: name.to_owned(), bytes: Vec::new(), expected: Vec::new() };
            cases.push(case);
            return Ok(());
        }
        let Some(case) = cases.last_mut() else {
            return if line.is_empty() || line.starts_with('#') {
                Ok(())
            } else {
                bail!("expected a comment or `== `")
            };
        };
        if let Some(fate) = line.strip_prefix("-> ") {
            let fate = Fate::read(fate, meanings)?;
            case.expected.push(Expected { fate, closed: false, clauses: Vec::new() });
        } else if let Some(expected) = case.expected.last_mut() {
            match line.trim() {
                "" => {}
                "closed" => expected.closed = true,
                clause => expected.clauses.push(Clause::read(clause, meanings)?),
            }
        } else {
            case.bytes.extend(meanings.bytes(line)?);
        }
        Ok(())
    }
}

impl Fate {
    fn read(text: &str, meanings: &Meanings) -> Result<Self> {
        let words: Vec<_> = text.split(' ').collect();
        Ok(match words.as_slice() {
            ["closed"] => Self::Closed,
            ["broken", status] => Self::Broken { status: status.parse()? },
            ["refused", status] => Self::Refused { status: status.parse()? },
            ["forwarded", method, target] => {
                Self::Forwarded { method: (*method).to_owned(), target: meanings.text(target)? }
            }
            _ => bail!("expected `refused STATUS`, `broken STATUS` or `forwarded METHOD TARGET`"),
        })
    }
}

impl Clause {
    fn read(text: &str, meanings: &Meanings) -> Result<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let field = || rest.split_once(':').context("expected a name and a colon");
        Ok(match word {
            "absent" => Self::Absent(rest.to_owned()),
            "body" => Self::Body(meanings.bytes(rest)?),
            "header" => {
                let (name, values) = field()?;
                let values = meanings.text(values)?;
                let values = values.split('|').map(|value| value.trim().to_owned()).collect();
                Self::Header(name.to_owned(), values)
            }
            "host" => Self::Header("host".to_owned(), vec![meanings.text(rest)?]),
            "not" => {
                let (name, value) = field()?;
                Self::Not(name.to_owned(), value.trim().to_owned())
            }
            "present" => Self::Present(rest.to_owned()),
            "trailers" if rest == "none" => Self::TrailersNone,
            _ => bail!("`{word}` is not known"),
        })
    }
}

impl Meanings {
    fn text(&self, written: &str) -> Result<String> {
        String::from_utf8(self.bytes(written)?).context("expected UTF-8")
    }

    /// The bytes that a text with escapes stands for.
    fn bytes(&self, written: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut rest = written;
        if let Some(length) = written.strip_prefix("Content-Length: ")
            && self.limits.iter().any(|(name, _)| length.starts_with(name))
        {
            let length = length.trim_end_matches("\\r\\n");
            return Ok(format!("Content-Length: {}\r\n", self.number(length)?).into_bytes());
        }
        while let Some(next) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("${") {
                let (inside, after) = after.split_once('}').context("`${` is not closed")?;
                bytes.extend(self.expansion(inside)?);
                rest = after;
            } else if next == '\\' {
                let (byte, after) = escape(&rest[1..])?;
                bytes.push(byte);
                rest = after;
            } else {
                let (plain, after) = rest.split_at(next.len_utf8());
                bytes.extend(plain.as_bytes());
                rest = after;
            }
        }
        Ok(bytes)
    }

    fn expansion(&self, inside: &str) -> Result<Vec<u8>> {
        if let Some(name) = inside.strip_prefix("token ") {
            let token = self.tokens.get(name).with_context(|| format!("no token `{name}`"))?;
            return Ok(token.clone().into_bytes());
        }
        let (piece, count) = inside.rsplit_once('*').context("expected `TEXT*COUNT`")?;
        Ok(self.bytes(piece)?.repeat(self.number(count)?))
    }

    fn number(&self, text: &str) -> Result<usize> {
        let Some((name, limit)) = self.limits.iter().find(|(name, _)| {
            text.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
        }) else {
            return Ok(text.parse()?);
        };
        let rest = &text[name.len()..];
        Ok(match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
            (Some(more), _) => limit + more.parse::<usize>()?,
            (_, Some(less)) => limit - less.parse::<usize>()?,
            _ => *limit,
        })
    }
}

fn escape(text: &str) -> Result<(u8, &str)> {
    let mut chars = text.chars();
    let byte = match chars.next() {
        Some('r') => b'\r',
        Some('n') => b'\n',
        Some('t') => b'\t',
        Some('\\') => b'\\',
        Some('x') => {
            let digits = text.get(1..3).context("expected two digits after `\\x`")?;
            return Ok((u8::from_str_radix(digits, 16)?, &text[3..]));
        }
        _ => bail!("expected one of `\\r \\n \\t \\\\ \\xHH`"),
    };
    Ok((byte, chars.as_str()))
}

#[test]
fn escapes_repetitions_limits_and_tokens_are_expanded() {
    let meanings = Meanings {
        tokens: BTreeMap::from([("alice".to_owned(), "t0k".to_owned())]),
        limits: vec![("HEAD", 10), ("HEADERS", 3)],
    };
    let bytes = |text: &str| String::from_utf8(meanings.bytes(text).unwrap()).unwrap();
    assert_eq!(bytes(r"a\r\n\t\\\x41"), "a\r\n\t\\A");
    assert_eq!(bytes("${ab*2}|${x*HEAD-8}|${y*HEADERS+1}"), "abab|xx|yyyy");
    assert_eq!(bytes("Bearer ${token alice}"), "Bearer t0k");
    assert_eq!(bytes(r"Content-Length: HEAD+1\r\n"), "Content-Length: 11\r\n");
    assert!(meanings.bytes(r"\q").is_err());
}
