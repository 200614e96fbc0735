//! Path patterns: which paths a route takes, and how two patterns stand to each other.

use crate::request::{CanonicalPath, MAX_SEGMENTS, RequestRefusal, decode_segment};

/// A path pattern: literal segments, `{name}` for exactly one non-empty segment, and a last `**` for one or more
/// segments of any kind (`/files/**` takes `/files/` and `/files/a/b`, not `/files`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    segments: Vec<Segment>,
    open: bool,
}

/// One segment of a [`PathPattern`].
#[derive(Clone, Debug, Eq)]
pub enum Segment {
    /// Exactly this text, decoded.
    Literal(String),
    /// Any non-empty segment, under this name.
    Parameter(String),
}

/// Why a text is not a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Two parameters of one name.
    #[error("the parameter `{0}` stands twice in the path")]
    DoubledParameter(String),
    /// A `{` or `}` that is not a whole segment.
    #[error("`{0}` is not a segment: a parameter takes a whole segment, as in `/orders/{{id}}`")]
    Parameter(String),
    /// The literal part is not a path that a request could have.
    #[error("no request can have this path: {0}")]
    Unreachable(String),
    /// `**` that is not the last segment.
    #[error("`**` stands for the rest of the path and can only be its last segment")]
    WildcardNotLast,
    /// `*` alone or inside a segment.
    #[error(
        "`{0}` is not a segment: one whole segment is `{{name}}`, the rest of the path is `**`"
    )]
    Wildcard(String),
    /// Does not begin with `/`.
    #[error("a path begins with `/`")]
    NotAbsolute,
}

impl PathPattern {
    /// Reads a pattern as a route writes it.
    ///
    /// # Errors
    /// [`PatternError`], in words that say what to write instead.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let rest = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        let mut segments = Vec::new();
        let mut open = false;
        for raw in rest.split('/') {
            if segments.len() == MAX_SEGMENTS {
                let refusal = RequestRefusal::TooManySegments;
                return Err(PatternError::Unreachable(refusal.to_string()));
            }
            if open {
                return Err(PatternError::WildcardNotLast);
            }
            if raw == "**" {
                open = true;
            } else {
                segments.push(parse_segment(raw)?);
            }
        }
        let mut names: Vec<&str> = segments.iter().filter_map(Segment::parameter).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
            return Err(PatternError::DoubledParameter((*name).to_owned()));
        }
        Ok(Self { segments, open })
    }

    /// The segments before a last `**`.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether the pattern ends in `**`.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether all its paths are ours, so that it would never take a request.
    pub(crate) fn is_reserved(&self) -> bool {
        let ours = crate::RESERVED_PREFIX.trim_start_matches('/');
        matches!(self.segments.first(), Some(Segment::Literal(first)) if first == ours)
    }

    /// Whether every path that `other` takes is one that this takes.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let long_enough = if self.open {
            other.segments.len() > self.segments.len()
                || (other.open && other.segments.len() == self.segments.len())
        } else {
            !other.open && other.segments.len() == self.segments.len()
        };
        long_enough && self.segments.iter().zip(&other.segments).all(|(a, b)| a.covers(b))
    }

    /// The pattern of the paths that both take, if there are any.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let (long, short) =
            if self.segments.len() >= other.segments.len() { (self, other) } else { (other, self) };
        let fits = match (long.open, short.open) {
            (true, true) => true,
            (false, true) => long.segments.len() > short.segments.len(),
            (true, false) => false,
            (false, false) => long.segments.len() == short.segments.len(),
        };
        if !fits {
            return None;
        }
        let mut segments = Vec::with_capacity(long.segments.len());
        for (position, segment) in long.segments.iter().enumerate() {
            segments.push(match short.segments.get(position) {
                Some(other) => segment.meet(other)?,
                None => segment.clone(),
            });
        }
        Some(Self { segments, open: long.open })
    }

    /// The parameters of `path`, which this pattern takes: name and decoded text.
    pub fn parameters<'a>(
        &'a self,
        path: &'a CanonicalPath,
    ) -> impl Iterator<Item = (&'a str, String)> {
        self.segments
            .iter()
            .zip(path.segments())
            .filter_map(|(segment, text)| segment.parameter().map(|name| (name, text.into_owned())))
    }
}

impl std::fmt::Display for PathPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
            }
        }
        f.write_str(if self.open { "/**" } else { "" })
    }
}

impl Segment {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Parameter(_), Self::Literal(text)) => !text.is_empty(),
            (Self::Parameter(_), Self::Parameter(_)) => true,
            (Self::Literal(_), Self::Parameter(_)) => false,
        }
    }

    fn meet(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            Some(other.clone())
        } else if other.covers(self) {
            Some(self.clone())
        } else {
            None
        }
    }

    fn parameter(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) => Some(name),
        }
    }
}

/// Parameters are equal whatever they are called: they take the same paths.
impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Parameter(_), Self::Parameter(_)) => true,
            _ => false,
        }
    }
}

impl std::hash::Hash for Segment {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::Literal(text) => text.hash(state),
            Self::Parameter(_) => state.write_u8(0),
        }
    }
}

fn parse_segment(raw: &str) -> Result<Segment, PatternError> {
    if let Some(name) = raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if first && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Ok(Segment::Parameter(name.to_owned()));
        }
        return Err(PatternError::Parameter(raw.to_owned()));
    }
    if raw.contains(['{', '}']) {
        return Err(PatternError::Parameter(raw.to_owned()));
    }
    if raw.contains('*') {
        return Err(PatternError::Wildcard(raw.to_owned()));
    }
    let path: String = if raw.is_ascii() { raw.to_owned() } else { escape_non_ascii(raw) };
    let path = CanonicalPath::parse(&format!("/{path}"))
        .map_err(|refusal| PatternError::Unreachable(refusal.to_string()))?;
    let literal = path.as_str().get(1..).unwrap_or_default();
    Ok(Segment::Literal(decode_segment(literal).into_owned()))
}

fn escape_non_ascii(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
