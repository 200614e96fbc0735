//! What is wrong with a configuration, said so that the reader knows what to type.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use super::source::{Location, Source};

/// Everything that is wrong with a configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    name: String,
    problems: Vec<Problem>,
}

impl Report {
    /// How many columns a rendered report takes.
    pub const WIDTH: usize = 100;

    /// The report on the file called `name`, in the order in which things stand in it.
    pub(super) fn new(name: &str, mut problems: Vec<Problem>) -> Self {
        // In the lines around other problems, too.
        let secrets = problems.iter().filter_map(|problem| problem.secret.as_deref());
        let secrets: Vec<_> = secrets.copied().collect();
        for problem in problems.iter_mut().filter(|problem| problem.source.name() == name) {
            problem.source = problem.source.masked(&secrets);
        }
        problems.sort_by_key(|problem| (problem.location(), problem.marks.len()));
        // What an alias repeats is said once.
        problems.dedup_by(|next, first| {
            next.message == first.message && next.location() == first.location()
        });
        Self { name: name.to_owned(), problems }
    }

    /// What is wrong, one by one; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The report for a terminal: each problem with its file, line, column and the line itself, the offending text
    /// underlined, and a line of help.
    #[must_use]
    pub fn render(&self, colours: bool) -> String {
        let theme =
            if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(Self::WIDTH)
            .with_context_lines(1)
            .with_links(false)
            .without_syntax_highlighting();
        let mut text = String::new();
        for problem in &self.problems {
            let rendered = handler.render_report(&mut text, &View::of(problem));
            if rendered.is_err() {
                text.push_str(&problem.to_string());
            }
            text.push('\n');
        }
        text.push_str(&self.summary());
        text.push('\n');
        text.lines().map(str::trim_end).fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        })
    }

    /// How much is wrong with what, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.problems.len() {
            1 => format!("1 problem in {}", self.name),
            count => format!("{count} problems in {}", self.name),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report {}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    message: String,
    help: Option<String>,
    source: Source,
    marks: Vec<Mark>,
    /// Where a secret stands, or what is meant to be one.
    secret: Option<Box<Location>>,
}

/// A stretch of the source that a problem points at; the first is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    location: Location,
    label: Option<String>,
}

impl Problem {
    /// A problem with the whole of `source`.
    pub(super) fn new(source: &Source, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            source: source.clone(),
            marks: Vec::new(),
            secret: None,
        }
    }

    /// Says what to do about it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Here stands a secret, which no report shows.
    pub(super) fn hiding(self, secret: Option<Location>) -> Self {
        Self { secret: secret.map(Box::new), ..self }
    }

    /// Points at a stretch of the source.
    pub(super) fn mark(mut self, location: Option<Location>, label: Option<&str>) -> Self {
        let label = label.map(str::to_owned);
        self.marks.extend(location.map(|location| Mark { location, label }));
        self
    }

    /// The same, with every text passed through `hide`.
    pub(super) fn map_text(mut self, hide: impl Fn(&str) -> String) -> Self {
        self.message = hide(&self.message);
        self.help = self.help.map(|help| hide(&help));
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it is, unless it is the file as a whole.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.marks.first().map(|mark| mark.location)
    }

    /// Whether the marked lines are short enough to be shown.
    fn can_show_lines(&self) -> bool {
        /// A longer line is machine-made; it is named, not shown.
        const LONGEST_SHOWN_LINE: usize = 400;
        self.marks.iter().all(|mark| self.source.line(mark.location).len() <= LONGEST_SHOWN_LINE)
    }
}

/// In one line: `doorward.yaml:3:14: message`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.name())?;
        if let Some(location) = self.location() {
            write!(f, ":{}:{}", location.line(), location.column())?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A problem as miette wants to see it.
#[derive(Debug)]
struct View<'a> {
    problem: &'a Problem,
    source: Option<NamedSource<std::sync::Arc<str>>>,
}

impl<'a> View<'a> {
    fn of(problem: &'a Problem) -> Self {
        let shown = !problem.marks.is_empty() && problem.can_show_lines();
        let named = || NamedSource::new(problem.source.name(), problem.source.shared_text());
        Self { problem, source: shown.then(named) }
    }
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(_) => f.write_str(&self.problem.message),
            None => fmt::Display::fmt(self.problem, f),
        }
    }
}

impl std::error::Error for View<'_> {}

impl Diagnostic for View<'_> {
    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.problem.marks.iter().enumerate().map(|(position, mark)| {
            let span = (mark.location.offset(), mark.location.length());
            match position {
                0 => LabeledSpan::new_primary_with_span(mark.label.clone(), span),
                _ => LabeledSpan::new_with_span(mark.label.clone(), span),
            }
        })))
    }
}
