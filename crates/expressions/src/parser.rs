//! From words to an expression.

use std::sync::Arc;

use crate::fault::{ExpressionError, character};
use crate::function::Function;
use crate::lexer::{Word, WordKind, words};
use crate::macros::is_macro;
use crate::node::{Kind, Node, Operator};
use crate::value::Value;
use crate::{MAX_BYTES, MAX_DEPTH};

/// Words that CEL keeps for itself, or that programmers would take for something else.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

/// The binary operators, from the loosest to the tightest, with `||` and `&&` before them.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

pub(crate) fn parse(text: &str) -> Result<Node, ExpressionError> {
    if text.len() > MAX_BYTES {
        return Err(ExpressionError::TooLong { bytes: text.len() });
    }
    let words = words(text)?;
    let mut parser = Parser {
        text,
        words: words.into_iter().peekable(),
        variables: vec!["claims".into()],
        open: 0,
    };
    let root = parser.expression()?;
    match parser.next() {
        Word { kind: WordKind::End, .. } => Ok(root),
        word => Err(parser.unexpected(&word, "an operator, or the end")),
    }
}

pub(crate) struct Parser<'t> {
    text: &'t str,
    words: std::iter::Peekable<std::vec::IntoIter<Word>>,
    /// The names of the variables, by their numbers.
    pub(crate) variables: Vec<Arc<str>>,
    /// How deep the parser itself is in the text.
    open: usize,
}

impl Parser<'_> {
    /// `a ? b : c`, and everything that binds tighter.
    pub(crate) fn expression(&mut self) -> Result<Node, ExpressionError> {
        let at = self.peek_at();
        self.open += 1;
        if self.open > MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        let condition = self.either()?;
        let node = if self.takes("?") {
            let yes = self.either()?;
            self.expect(":")?;
            let no = self.expression()?;
            self.node(condition.at, Kind::Conditional(Box::new([condition, yes, no])))?
        } else {
            condition
        };
        self.open -= 1;
        Ok(node)
    }

    fn either(&mut self) -> Result<Node, ExpressionError> {
        self.chain("||", Self::both, Kind::Any)
    }

    fn both(&mut self) -> Result<Node, ExpressionError> {
        self.chain("&&", |parser| parser.level(&LEVELS), Kind::All)
    }

    fn chain(
        &mut self,
        sign: &str,
        part: impl Fn(&mut Self) -> Result<Node, ExpressionError>,
        kind: impl Fn(Vec<Node>) -> Kind,
    ) -> Result<Node, ExpressionError> {
        let first = part(self)?;
        if !self.peeks(sign) {
            return Ok(first);
        }
        let at = first.at;
        let mut parts = vec![first];
        while self.takes(sign) {
            parts.push(part(self)?);
        }
        self.node(at, kind(parts))
    }

    fn level(&mut self, levels: &[&[(&str, Operator)]]) -> Result<Node, ExpressionError> {
        let Some((operators, tighter)) = levels.split_first() else { return self.unary() };
        let mut left = self.level(tighter)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.peeks(sign)) {
            let at = self.next().at;
            let right = self.level(tighter)?;
            left = self.node(at, Kind::Binary(*operator, Box::new([left, right])))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, ExpressionError> {
        let at = self.peek_at();
        let mut signs = Vec::new();
        while let Some(sign) = ["!", "-"].into_iter().find(|sign| self.takes(sign)) {
            signs.push(sign);
            if signs.len() > MAX_DEPTH {
                return Err(self.too_deep(at));
            }
        }
        let mut node = self.member()?;
        for sign in signs.into_iter().rev() {
            let inner = Box::new(node);
            node =
                self.node(at, if sign == "!" { Kind::Not(inner) } else { Kind::Negative(inner) })?;
        }
        Ok(node)
    }

    /// A value with all the `.name`, `.call()` and `[index]` behind it.
    fn member(&mut self) -> Result<Node, ExpressionError> {
        let mut node = self.primary()?;
        loop {
            if self.takes(".") {
                let (at, name) = self.member_name()?;
                node = if self.takes("(") {
                    self.call(at, &name, Some(node))?
                } else {
                    self.node(at, Kind::Select(Box::new(node), name))?
                };
            } else if self.peeks("[") {
                let at = self.next().at;
                let index = self.expression()?;
                self.expect("]")?;
                node = self.node(at, Kind::Index(Box::new([node, index])))?;
            } else {
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Result<Node, ExpressionError> {
        let word = self.next();
        let at = word.at;
        let kind = match &word.kind {
            WordKind::Double(number) => Kind::Literal(Value::Double(*number)),
            WordKind::Int(number) => Kind::Literal(Value::Int(*number)),
            WordKind::Text(text) => Kind::Literal(Value::String(Arc::clone(text))),
            WordKind::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            WordKind::Sign("[") => Kind::List(self.until("]")?),
            WordKind::Sign("{") => Kind::Map(self.members()?),
            WordKind::Name(name) if self.takes("(") => return self.call(at, name, None),
            WordKind::Name(name) => match &**name {
                "true" => Kind::Literal(Value::Bool(true)),
                "false" => Kind::Literal(Value::Bool(false)),
                "null" => Kind::Literal(Value::Null),
                _ => match self.variables.iter().rposition(|variable| variable == name) {
                    Some(number) => Kind::Variable(number),
                    None => return Err(self.refuse(at, format!("there is no variable `{name}`"))),
                },
            },
            _ => return Err(self.unexpected(&word, "a value")),
        };
        self.node(at, kind)
    }

    fn call(&mut self, at: usize, name: &str, on: Option<Node>) -> Result<Node, ExpressionError> {
        if is_macro(name, on.is_some()) {
            return self.macro_call(at, name, on);
        }
        let receiver = on.is_some();
        let mut arguments: Vec<_> = on.into_iter().collect();
        arguments.extend(self.until(")")?);
        if name == "matches" {
            return self.matches(at, arguments);
        }
        let beside = arguments.len() - usize::from(receiver);
        let function =
            Function::called(name, receiver, beside).map_err(|what| self.refuse(at, what))?;
        self.node(at, Kind::Call(function, arguments))
    }

    /// Values with `,` between them and one more allowed behind them, up to `close`.
    fn until(&mut self, close: &str) -> Result<Vec<Node>, ExpressionError> {
        let mut nodes = Vec::new();
        while !self.takes(close) {
            nodes.push(self.expression()?);
            if !self.takes(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(nodes)
    }

    fn members(&mut self) -> Result<Vec<[Node; 2]>, ExpressionError> {
        let mut members = Vec::new();
        while !self.takes("}") {
            let name = self.expression()?;
            self.expect(":")?;
            members.push([name, self.expression()?]);
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(members)
    }

    /// What stands behind a `.`: fewer words are kept from it than from variables.
    fn member_name(&mut self) -> Result<(usize, Arc<str>), ExpressionError> {
        let word = self.next();
        match word.kind {
            WordKind::Name(name) if !is_keyword(&name) => Ok((word.at, name)),
            _ => Err(self.unexpected(&word, "the name of a member")),
        }
    }

    /// A name that is not one of the language's own words.
    pub(crate) fn name(&mut self, what: &str) -> Result<(usize, Arc<str>), ExpressionError> {
        let word = self.next();
        match word.kind {
            WordKind::Name(name) if !is_word(&name) => Ok((word.at, name)),
            _ => Err(self.unexpected(&word, what)),
        }
    }

    pub(crate) fn node(&self, at: usize, kind: Kind) -> Result<Node, ExpressionError> {
        let depth = kind.depth() + 1;
        if depth > MAX_DEPTH { Err(self.too_deep(at)) } else { Ok(Node { at, depth, kind }) }
    }

    pub(crate) fn expect(&mut self, sign: &str) -> Result<(), ExpressionError> {
        if self.takes(sign) {
            return Ok(());
        }
        let word = self.next();
        Err(self.unexpected(&word, &format!("`{sign}`")))
    }

    pub(crate) fn takes(&mut self, sign: &str) -> bool {
        let takes = self.peeks(sign);
        if takes {
            self.words.next();
        }
        takes
    }

    fn peeks(&mut self, sign: &str) -> bool {
        match self.words.peek().map(|word| &word.kind) {
            Some(WordKind::Sign(next)) => *next == sign,
            Some(WordKind::Name(next)) => &**next == sign,
            _ => false,
        }
    }

    fn peek_at(&mut self) -> usize {
        self.words.peek().map_or(self.text.len(), |word| word.at)
    }

    fn next(&mut self) -> Word {
        self.words.next().unwrap_or(Word { at: self.text.len(), kind: WordKind::End })
    }

    fn unexpected(&self, word: &Word, expected: &str) -> ExpressionError {
        let found = match &word.kind {
            WordKind::Double(_) | WordKind::Int(_) => "a number".to_owned(),
            WordKind::End => "the end".to_owned(),
            WordKind::Name(name) => format!("`{name}`"),
            WordKind::Sign(sign) => format!("`{sign}`"),
            WordKind::Text(_) => "a text".to_owned(),
        };
        self.refuse(word.at, format!("expected {expected}, found {found}"))
    }

    pub(crate) fn refuse(&self, at: usize, what: String) -> ExpressionError {
        ExpressionError::Unexpected { at: character(self.text, at), what }
    }

    fn too_deep(&self, at: usize) -> ExpressionError {
        ExpressionError::TooDeep { at: character(self.text, at) }
    }
}

/// Whether a name is one of the language's own words.
fn is_word(name: &str) -> bool {
    RESERVED.contains(&name) || is_keyword(name)
}

fn is_keyword(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "in")
}
