//! Bars, as SVG that reads well on light and on dark.

use std::fmt::{self, Write as _};

use super::measure::Spread;

/// How wide a picture is.
const WIDTH: f64 = 720.0;
/// How much of it is for the names on the left, and for the figures on the right.
const MARGINS: (f64, f64) = (220.0, 130.0);
/// How high the title is, and each bar with what is between it and the next.
const TITLE: f64 = 34.0;
const STEP: f64 = 26.0;
/// How high a bar is.
const BAR: f64 = 16.0;

/// The colours: greys for others and a blue for Doorward, each readable on both; text follows the reader's choice.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}\
rect{fill:#8c959f}.ours{fill:#2f81f7}line{stroke:#57606a;stroke-width:1.5}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}line{stroke:#d0d7de}}";

/// How the names of others begin; everyone else is Doorward.
const OTHERS: [&str; 5] = ["direct", "envoy", "haproxy", "nginx", "tonic"];

/// A bar for each of some figures.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Bar {
    name: String,
    figure: Spread,
}

impl Bar {
    /// One as long as the middle of `figure`, with a line from the least to the most; none for what is no length.
    pub(super) fn new(name: impl Into<String>, figure: Spread) -> Option<Self> {
        let Spread { middle, least, most } = figure;
        let drawn = least >= 0.0 && least <= middle && middle <= most && most.is_finite();
        drawn.then(|| Self { name: name.into(), figure })
    }

    fn class(&self) -> &'static str {
        let others = OTHERS.iter().any(|other| self.name.starts_with(other));
        if others { "" } else { " class=\"ours\"" }
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let height = TITLE + STEP * self.bars.len() as f64 + 6.0;
        let longest = self.bars.iter().map(|bar| bar.figure.most).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - MARGINS.0 - MARGINS.1) / longest;
        let title = Escaped(&self.title);
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n\
             <style>{STYLE}</style>\n<text class=\"title\" x=\"8\" y=\"20\">{title}</text>"
        )?;
        for (index, bar) in self.bars.iter().enumerate() {
            let (top, from) = (TITLE + STEP * index as f64, MARGINS.0);
            let Spread { middle, least, most } = bar.figure;
            let (text, centre) = (top + BAR - 3.5, top + BAR / 2.0);
            let at = |figure: f64| from + figure * scale;
            writeln!(
                f,
                "<text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
                 <rect{} x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR:.1}\" rx=\"2\"/>\
                 <line x1=\"{:.1}\" y1=\"{centre:.1}\" x2=\"{:.1}\" y2=\"{centre:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{text:.1}\">{}</text>",
                from - 8.0,
                Escaped(&bar.name),
                bar.class(),
                middle * scale,
                at(least),
                at(most),
                at(most) + 8.0,
                figures(middle),
            )?;
        }
        writeln!(f, "</svg>")
    }
}

/// As many digits as tell something.
fn figures(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// Text with what XML reads otherwise written so that it does not.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|sign| match sign {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            sign => f.write_char(sign),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_figure_and_ours_is_told_from_the_others() {
        let spread = |middle| Spread { middle, least: middle - 1.0, most: middle + 1.0 };
        let bars = [("nginx & co", 9.0), ("doorward", 36.0)];
        let bars = bars.into_iter().filter_map(|(name, middle)| Bar::new(name, spread(middle)));
        let text = Picture { title: "CPU < all".to_owned(), bars: bars.collect() }.to_string();
        assert!(text.contains("aria-label=\"CPU &lt; all\""));
        assert!(text.contains(">nginx &amp; co</text><rect x=\"220.0\" y=\"34.0\" width=\"90.0\""));
        assert!(text.contains(
            ">doorward</text><rect class=\"ours\" x=\"220.0\" y=\"60.0\" width=\"360.0\""
        ));
        assert!(text.contains("<line x1=\"570.0\" y1=\"68.0\" x2=\"590.0\" y2=\"68.0\"/><text x=\"598.0\" y=\"72.5\">36.0</text>"));
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    }

    #[test]
    fn what_is_no_length_has_no_bar() {
        assert!(Bar::new("added", Spread { middle: 0.5, least: -0.1, most: 1.0 }).is_none());
        assert!(Bar::new("none", Spread { middle: f64::NAN, least: 0.0, most: 1.0 }).is_none());
    }
}
