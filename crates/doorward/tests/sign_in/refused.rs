//! What a visitor sees of a sign-in that was refused: the same, whatever the reason, which is on record alone.

use anyhow::{Result, ensure};
use testbed::client::Reply;

use crate::house::House;
use testbed::browser::SESSION;

const TITLE: &str = "<h1>The sign-in did not work</h1>";
const TEXT: &str = "<p>It may have taken too long, been done already, or been begun in another browser. Cookies have to be allowed. Go to the page that you want to see, and sign in anew.</p>";

/// By these it is on record that somebody else began.
const OF_ANOTHER: [&str; 4] =
    ["browser_other", "pass_of_other_browser", "pass_of_other_host", "provider_other"];

/// One way to attack, and the code by which it is on record.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    pub(crate) act: fn(&House) -> Result<Reply>,
}

/// Tries each.
pub(crate) fn all_are_refused(attacks: &[Attack]) -> Result<()> {
    let house = House::open()?;
    for Attack { name, code, act } in attacks {
        let reply = act(&house).map_err(|error| error.context(*name))?;
        is_refused(&house, &reply, code).map_err(|error| error.context(*name))?;
    }
    Ok(())
}

/// Expects the one answer to all of them, and `code` on record.
pub(crate) fn is_refused(house: &House, reply: &Reply, code: &str) -> Result<()> {
    let text = reply.text();
    ensure!(reply.status == 400 && text.contains(TITLE) && text.contains(TEXT), "{text}");
    begins_no_session(reply)?;
    let recorded = house.recorded(reply)?;
    let expected = ("sign_in_refused".to_owned(), code.to_owned());
    ensure!(recorded == expected, "{recorded:?} is on record, not {code}");
    // The reason is on record alone; and where somebody wanted to go is for the browser alone that they used.
    ensure!(!text.contains(code), "{text}");
    let is_of_another = OF_ANOTHER.contains(&code);
    ensure!(!is_of_another || !text.contains("href="), "{text}");
    Ok(())
}

/// Expects no session's cookie in an answer.
pub(crate) fn begins_no_session(reply: &Reply) -> Result<()> {
    let cookies = reply.message.head.values("set-cookie");
    let session = format!("{SESSION}=");
    ensure!(cookies.iter().all(|line| !line.starts_with(&session)), "{cookies:?}");
    Ok(())
}
